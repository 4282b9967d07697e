import type { ErrorCode } from "../../core/errors.ts";

/** names joins names as a sentence does: "Ana", "Ana and Ben", "Ana, Ben and 3 more". */
export function names(list: readonly string[], shown = 3): string {
  if (list.length <= 1) return list[0] ?? "";
  if (list.length <= shown) return `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;
  return `${list.slice(0, shown - 1).join(", ")} and ${list.length - shown + 1} more`;
}

/** count says one thing for one and another for many. */
export const count = (n: number, one: string, many: string): string => (n === 1 ? one : many);
/** friends counts friends. */
export const friends = (n: number): string => count(n, "1 friend", `${n} friends`);

const errors: Readonly<Record<ErrorCode, string>> = {
  "bad-link": "This link is not complete. Copy all of it and paste it again.",
  "link-used": "This link has been used already, or it has run out. Ask for a new one.",
  "link-of-other-kind": "This link is for something else. Open it in your browser and Kith shows what it is for.",
  "own-invite": "This is your own invite. Send it to a friend.",
  "no-pod": "This needs a pod. You can connect one under You.",
  "pod-unreachable": "This can't reach your pod. Everything is safe on this phone and goes out when the pod is back.",
  "pod-refused": "Your pod does not know this phone any more. Connect it again with a new pairing link.",
  "pod-owned-by-other": "This pod belongs to somebody else. Use the link of a pod of your own.",
  "pod-full": "Your pod is full. Delete posts or give it more room. Until then, what is new stays on this phone.",
  "pod-not-told": "Your pod has not heard of this yet. It will as soon as it answers.",
  "not-taken": "Your pod does not take this as it is. It stays on this phone, and Kith tries again from time to time.",
  "friend-unreachable": "Your friend's pod does not answer. What you already have stays here; Kith asks again later.",
  "friend-refused": "Your friend's pod does not let you in any more. Ask your friend for a new invite.",
  "not-there-any-more": "This is not there any more. It was deleted, or it is no longer shared with you.",
  "behind": "Your friend's pod is still catching up. Try again in a minute.",
  "storage-full": "This phone has no room left. Remove friends' copies under You, Storage. What you typed is kept.",
  "storage-unavailable": "This browser keeps nothing here. Open Kith in an ordinary window, not a private one.",
  "not-persistent": "This browser may forget what you do here. Connect a pod, or put Kith on your home screen.",
  "newer-version": "A newer Kith has been used here. Close the other tabs of Kith and load this page again.",
  "picture-unreadable": "This browser can't read that picture. Save it as JPEG or PNG and choose it again.",
  "picture-too-large": "This picture is too large for this phone. Make it smaller and choose it again.",
  "too-long": "This is too long. Make it shorter and try again.",
  "empty": "There is nothing here yet. Write something or add a picture.",
  "keys-refused": "This browser refuses to keep what makes you you. Open Kith in another browser.",
  "clock-off": "The clock of this phone is wrong. Let it set itself, then try again.",
  "not-started": "Nobody lives on this phone yet. Choose a name first.",
  "already-started": "There is someone on this phone already. Open the link in another browser.",
  "no-such": "This is not here any more.",
  "bug": "Kith made a mistake. What you typed is kept. Load the page again and try once more.",
};

/** What the app says in English on its first page and everywhere: sentences, and functions that make one
 * from what they are given. It is the shape that every other language fills. */
export const en = {
  names,
  errors,
  app: "Kith",
  ok: "Done",
  cancel: "Cancel",
  close: "Close",
  back: "Back",
  undo: "Undo",
  save: "Save",
  skip: "Skip to what is here",
  search: "Search",
  copy: "Copy link",
  copied: "Copied.",
  said: "Just now",
  you: "You",
  loading: "One moment. Kith is opening what is on this phone.",

  nav: { label: "Places", feed: "Feed", friends: "Friends", new: "New", you: "You" },

  welcome: {
    promise: "Share with the people you choose, and nobody else. What you post lives on this phone.",
    invited: (name: string) => `${name} invites you.`,
    question: "What do your friends call you?",
    hint: "Only friends see it. You can change it later.",
    start: "Start",
    device: "This browser joins you as another of your devices.",
    deviceName: "What is this device called?",
    join: "Join",
    joining: "Waiting for your other device. Keep Kith open there.",
    deviceHere: "This link adds a new device of yours. Open it on that device, in a browser where Kith is new.",
  },

  feed: {
    title: "Feed",
    empty: "Nothing here yet, and that is fine.",
    emptyHint: "Put something down for yourself, or ask one friend in.",
    first: "Post for yourself",
    invite: "Invite a friend",
    asking: "Asking your friends.",
    refresh: "Ask friends for what is new",
    pull: "Let go to ask your friends",
    caughtUp: "You're caught up",
    twoWeeks: "That was everything from the last two weeks.",
    all: "That was everything.",
    older: "Older posts",
    searching: "Search what is on this phone",
    searchHint: "A word, or a name",
    found: (n: number, more: boolean) => (n === 0 ? "Nothing on this phone matches." : `${n}${more ? " or more" : ""} found.`),
    offline: "You are offline. Everything here stays readable, and what you post goes out later.",
    unreached: (list: readonly string[]) => `${names(list)} could not be reached. What you have of theirs is here.`,
    lost: "An edit of yours came second. It is kept as a draft.",
    look: "Look",
    accepted: (list: readonly string[]) => `${names(list)} accepted your invite.`,
  },

  post: {
    title: "Post",
    open: (name: string) => `Open the post by ${name}`,
    edited: "edited",
    readOn: "Read on",
    leaving: "Leaves in a few seconds.",
    phone: "Only on this phone so far.",
    phoneNoPod: "On this phone. Friends can fetch it once you have a pod.",
    mine: "On this phone.",
    waiting: "Waiting for your pod.",
    pod: "On your pod. Friends can fetch it.",
    purged: "You removed your copy.",
    askAgain: "Ask again",
    gone: "This post is not here any more.",
    goneHint: "It was deleted, or it is no longer shared with you.",
    actions: "What you can do",
    edit: "Edit the text",
    remove: "Delete for everyone",
    purge: "Remove from this phone",
    purged1: "Removed from this phone.",
    author: (name: string) => `More from ${name}`,
    removeTitle: "Delete this for everyone?",
    removePhone: "It has not left this phone. It is erased here, at once.",
    removeMe: "It is erased on this phone at once, and on your pod and your other devices as soon as they hear of it.",
    removeShared: (who: string) =>
      `It is erased on this phone at once and on your pod as soon as it hears of it. ${who} can fetch it no more, and their app deletes its copy the next time it asks. What someone has saved elsewhere stays with them.`,
    removeCustom:
      "It is erased on this phone at once and on your pod as soon as it hears of it. Apps that hold a copy delete it the next time they ask.",
    removed: "Deleted.",
    keep: "Keep it",
    editKept: "Your change was kept as a draft.",
    editOn: "Go on",
    editTitle: "Edit the text",
    editHint: "Whoever can see the post sees the new text. The pictures stay.",
  },

  picture: {
    of: (i: number, n: number) => `Picture ${i} of ${n}`,
    more: (n: number) => `${n} more`,
    missing: "Not here yet.",
    fetching: (name: string) => `Asking ${name} for the large picture.`,
    again: "Ask again",
    previous: "Previous picture",
    next: "Next picture",
  },

  audience: {
    title: "Who can see this",
    me: "Only me",
    meHint: "It stays on your own devices.",
    all: (n: number) => (n === 0 ? "All friends" : `All friends · ${n}`),
    allHint: "Everyone who is your friend.",
    some: "Some friends",
    someHint: "Circles and people you pick.",
    circle: (name: string, n: number) => `${name} · ${n}`,
    friends,
    custom: "Set in another app",
    customHint: "Another app chose who can see this. Choosing here replaces that choice.",
    theirs: "Shared with you",
    theirsHint: (name: string) => `${name} chose who can see this, and you are one of them. Who else is known to ${name} alone.`,
    nobody: "Nobody yet. Pick a circle or a friend, or choose Only me.",
    onlyYou: "Only you can see this.",
    see: (n: number) => (n === 1 ? "Only one friend can see this." : `${n} friends can see this.`),
    exactly: (list: readonly string[]) => `${names(list, 4)} can see this.`,
    gains: (list: readonly string[]) => `${names(list)} can see it from now on.`,
    loses: (list: readonly string[]) => `${names(list)} can fetch it no more. What they have seen, they have seen.`,
    circles: "Circles",
    people: "Friends",
    find: "Find a friend",
    none: "No friend of that name.",
    inCircle: (name: string) => `in ${name}`,
    change: "Change",
    use: "Use this",
  },

  /** How things stand, in a word or two. */
  standing: {
    pod: "My pod",
    ask: (n: number) => `Your pod wants ${count(n, "1 thing", `${n} things`)} deleted on this phone.`,
    podIs: { none: "None yet", connecting: "Connecting", connected: "Connected", unreachable: "Does not answer", refused: "Refuses this phone" },
    waiting: "Waiting to go out",
    things: (n: number) => count(n, "1 thing", `${n} things`),
  },

  update: { ready: "A new version of Kith is ready.", use: "Use it" },

  trouble: {
    title: "Kith can't go on",
    reload: "Load again",
    elsewhere: "Kith is open in another tab",
    elsewhereHint: "Two at once would get in each other's way. Use it there, or here.",
    here: "Use it here",
    link: "This is not a link that Kith knows. Copy all of it and paste it again.",
    nowhere: "There is nothing at this address.",
    unloaded: "This part of the app can't be loaded just now.",
    home: "Go to the feed",
  },
} as const;
