import { type ReadonlySignal, computed, signal } from "@preact/signals";
import { KithError } from "../core/errors.ts";
import type {
  Circle, CircleId, ContactId, Device, Draft, Friend, Invite, Kith, Me, OutboxItem, PodState, Topic,
} from "../core/kith.ts";
import type { Spoken } from "./speech.ts";

/** Model is the state of the core as signals: a view that reads one is drawn again when it changes. */
export interface Model {
  readonly me: ReadonlySignal<Me | undefined>;
  readonly pod: ReadonlySignal<PodState>;
  /** By name. */
  readonly friends: ReadonlySignal<readonly Friend[]>;
  readonly friend: ReadonlySignal<ReadonlyMap<ContactId, Friend>>;
  readonly circles: ReadonlySignal<readonly Circle[]>;
  readonly circle: ReadonlySignal<ReadonlyMap<CircleId, Circle>>;
  readonly invites: ReadonlySignal<readonly Invite[]>;
  readonly outbox: ReadonlySignal<readonly OutboxItem[]>;
  readonly drafts: ReadonlySignal<readonly Draft[]>;
  readonly devices: ReadonlySignal<readonly Device[]>;
  /** Counts changes of posts, feed and storage, which are read on demand. */
  readonly changes: ReadonlySignal<number>;
}

const readOnDemand: ReadonlySet<Topic> = new Set<Topic>(["posts", "feed", "storage", "friends", "me"]);

/** heard returns a friend as one is told of them: whose pod never answered has not refused, it has not heard of the friendship yet. */
export function heard(friend: Friend): Friend {
  if (friend.lastSeen !== undefined || friend.error?.code !== "friend-refused") return friend;
  return { ...friend, error: new KithError("behind", friend.error.message) };
}

/** follow returns the state of a core as signals, for as long as the page lives. The language that is spoken orders names. */
export function follow(kith: Kith, spoken: ReadonlySignal<Spoken>): Model {
  const sorted = (): readonly Friend[] => {
    const { compare } = new Intl.Collator(spoken.value.tag);
    return kith.friends().map(heard).sort((a, b) => compare(a.name, b.name));
  };
  // What is leaving is a post already.
  const drafts = (): readonly Draft[] => kith.drafts().filter(({ reason }) => reason !== "leaving");
  const parts = {
    me: signal(kith.me()),
    pod: signal(kith.pod()),
    friends: signal(sorted()),
    circles: signal(kith.circles()),
    invites: signal(kith.invites()),
    outbox: signal(kith.outbox()),
    drafts: signal(drafts()),
    devices: signal(kith.devices()),
  };
  const changes = signal(0);
  const read: Readonly<Partial<Record<Topic, () => void>>> = {
    me: () => { parts.me.value = kith.me(); },
    pod: () => { parts.pod.value = kith.pod(); },
    friends: () => { parts.friends.value = sorted(); },
    circles: () => { parts.circles.value = kith.circles(); },
    invites: () => { parts.invites.value = kith.invites(); },
    outbox: () => { parts.outbox.value = kith.outbox(); },
    drafts: () => { parts.drafts.value = drafts(); },
    // Whether this device is one of them is said of the person.
    devices: () => { parts.devices.value = kith.devices(); parts.me.value = kith.me(); },
  };
  spoken.subscribe(() => { parts.friends.value = sorted(); });
  kith.subscribe((topic) => {
    read[topic]?.();
    if (readOnDemand.has(topic)) changes.value += 1;
  });
  return {
    ...parts,
    friend: computed(() => new Map(parts.friends.value.map((each) => [each.cid, each]))),
    circle: computed(() => new Map(parts.circles.value.map((each) => [each.id, each]))),
    changes,
  };
}
