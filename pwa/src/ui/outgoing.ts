import { type ReadonlySignal, signal } from "@preact/signals";
import type { Compose, Kith, PostRef } from "../core/kith.ts";

/** How long a post can be taken back before it leaves the phone, in milliseconds. */
const pause = 5_000;
/** How long the pod may take until what was posted is said to wait, in milliseconds. */
const patience = 8_000;

/** Letter is a finished post on its way out: its draft is being stored as one that leaves, or is already. */
export interface Letter {
  readonly what: Compose;
  readonly draft: Promise<string | undefined>;
}

/** Outgoing holds one finished post back for a few seconds, so that undo means that nobody has seen it.
 * It stays stored as a draft that leaves until it is posted, so that nothing is lost if the page ends in between. */
export interface Outgoing {
  /** What is held back now. */
  readonly held: ReadonlySignal<Compose | undefined>;
  /** Whether that is stored, so that it goes out whatever becomes of the page. */
  readonly kept: ReadonlySignal<boolean>;
  /** Posts after a pause; `posted` hears how it went. A post that is still held goes out first. `undone` hears of the way back. */
  hold(letter: Letter, posted: (result: Promise<PostRef>) => void, undone: () => void): void;
  /** Posts at once, what nobody else can see. */
  send(letter: Letter): Promise<PostRef>;
  /** Takes the held post back; false when it is out already. */
  undo(): boolean;
  /** Posts at once what is held, as when the page is about to go. */
  flush(): Promise<void>;
  /** Posts what was finished when the page ended the last time. */
  resume(): Promise<void>;
}

type Timer = Pick<Window, "setTimeout" | "clearTimeout">;

/** outgoingOf returns the way out for the posts of a core; `timer` is the page's own. */
export function outgoingOf(kith: Kith, timer: Timer): Outgoing {
  let waiting: { readonly go: () => Promise<unknown>; readonly id: number; readonly undone: () => void } | undefined;
  const held = signal<Compose | undefined>(undefined);
  const kept = signal(false);

  const send = async ({ what, draft }: Letter): Promise<PostRef> => {
    const id = await draft;
    try {
      return await kith.post(id === undefined ? what : { ...what, draft: id });
    } catch (error) {
      // What can't be posted is something to write on, not to try again by itself.
      if (id !== undefined) await keepTyped(kith, id);
      throw error;
    }
  };
  const take = (): typeof waiting => {
    const taken = waiting;
    waiting = held.value = undefined;
    kept.value = false;
    if (taken !== undefined) timer.clearTimeout(taken.id);
    return taken;
  };
  const flush = async (): Promise<void> => void (await take()?.go().catch(() => undefined));
  return {
    held, kept,
    hold(letter, posted, undone) {
      void flush();
      const go = (): Promise<unknown> => {
        const sent = send(letter);
        posted(sent);
        return sent;
      };
      const mine = (waiting = { go, undone, id: timer.setTimeout(() => void flush(), pause) });
      held.value = letter.what;
      // What can't be stored is told of when it is sent.
      void letter.draft.then(() => { if (waiting === mine) kept.value = true; }, () => undefined);
    },
    send,
    undo() {
      const taken = take();
      taken?.undone();
      return taken !== undefined;
    },
    flush,
    async resume() {
      for (const { id, text, pictures, audience, reason } of kith.drafts()) {
        if (reason === "leaving") await send({ what: { text, pictures, audience }, draft: Promise.resolve(id) });
      }
    },
  };
}

/** keepTyped makes a draft that was leaving one to write on again. */
export async function keepTyped(kith: Kith, id: string): Promise<void> {
  const draft = kith.drafts().find((each) => each.id === id);
  if (draft !== undefined) await kith.saveDraft({ ...draft, reason: "typed" });
}

/** arrived tells whether the pod has a post, waiting for it a little. */
export function arrived(kith: Kith, ref: PostRef, timer: Timer): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (there: boolean): void => {
      timer.clearTimeout(id);
      stop();
      resolve(there);
    };
    const look = (): void => {
      const { kind } = kith.pod();
      if (!kith.outbox().some(({ post }) => post === ref)) end(kind !== "none");
      else if (kind !== "connected" && kind !== "connecting") end(false);
    };
    const id = timer.setTimeout(() => end(false), patience);
    const stop = kith.subscribe(look);
    look();
  });
}
