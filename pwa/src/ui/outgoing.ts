import type { Compose, Kith, PostRef } from "../core/kith.ts";

/** How long a post can be taken back before it leaves the phone, in milliseconds. */
const pause = 5_000;

/** Letter is a finished post on its way out: its draft is being stored, or is already. */
export interface Letter {
  readonly what: Compose;
  readonly draft: Promise<string | undefined>;
}

/** Outgoing holds one finished post back for a few seconds, so that undo means that nobody has seen it.
 * The draft stays stored until the post is, so that nothing is lost if the page ends in between. */
export interface Outgoing {
  /** Posts after a pause; `posted` hears how it went. A post that is still held goes out first. */
  hold(letter: Letter, posted: (result: Promise<PostRef>) => void): void;
  /** Posts at once, what nobody else can see. */
  send(letter: Letter): Promise<PostRef>;
  /** Whether the draft of that id is on its way out. */
  has(draft: string): boolean;
  /** Takes the held post back; false when it is out already. */
  undo(): boolean;
  /** Posts at once what is held, as when the page is about to go. */
  flush(): void;
}

/** outgoingOf returns the way out for the posts of a core; `timer` is the page's own. */
export function outgoingOf(kith: Kith, timer: Pick<Window, "setTimeout" | "clearTimeout">): Outgoing {
  let held: { readonly go: () => void; readonly id: number } | undefined;
  const leaving = new Set<string>();

  const send = async ({ what, draft }: Letter): Promise<PostRef> => {
    const id = await draft;
    try {
      const ref = await kith.post(what);
      // Posts, then forgets the draft: never the other way round.
      if (id !== undefined) await kith.removeDraft(id);
      return ref;
    } finally {
      leaving.clear();
    }
  };
  const take = (): (() => void) | undefined => {
    const taken = held;
    held = undefined;
    if (taken !== undefined) timer.clearTimeout(taken.id);
    return taken?.go;
  };
  const flush = (): void => take()?.();
  return {
    hold(letter, posted) {
      flush();
      void letter.draft.then((id) => id !== undefined && leaving.add(id));
      held = { go: () => posted(send(letter)), id: timer.setTimeout(flush, pause) };
    },
    send,
    has: (draft) => leaving.has(draft),
    undo() {
      leaving.clear();
      return take() !== undefined;
    },
    flush,
  };
}
