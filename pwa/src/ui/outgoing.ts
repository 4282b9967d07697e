import type { Compose, Kith, PostRef } from "../core/kith.ts";

/** How long a post can be taken back before it leaves the phone. */
const pause = 5_000;

/** Outgoing holds one finished post back for a few seconds, so that undo means that nobody has seen it.
 * The draft stays stored until the post is, so that nothing is lost if the page ends in between. */
export interface Outgoing {
  /** Posts after a pause; `posted` hears how it went. A post that is still held goes out first. */
  hold(what: Compose, draft: string | undefined, posted: (result: Promise<PostRef>) => void): void;
  /** The draft of the post that is held. */
  draft(): string | undefined;
  /** Takes the held post back; false when it is out already. */
  undo(): boolean;
  /** Posts at once what is held, as when the page is about to go. */
  flush(): void;
}

/** outgoingOf returns the way out for the posts of a core; `timer` is the page's own. */
export function outgoingOf(kith: Kith, timer: Pick<Window, "setTimeout" | "clearTimeout">): Outgoing {
  let held: { readonly send: () => void; readonly id: number; readonly draft: string | undefined } | undefined;
  const take = (): (() => void) | undefined => {
    const taken = held;
    held = undefined;
    if (taken !== undefined) timer.clearTimeout(taken.id);
    return taken?.send;
  };
  const flush = (): void => take()?.();
  return {
    hold(what, draft, posted) {
      flush();
      const send = (): void => posted(sent(kith, what, draft));
      held = { send, id: timer.setTimeout(flush, pause), draft };
    },
    draft: () => held?.draft,
    undo: () => take() !== undefined,
    flush,
  };
}

/** Posts, then forgets the draft: never the other way round. */
async function sent(kith: Kith, what: Compose, draft: string | undefined): Promise<PostRef> {
  const ref = await kith.post(what);
  if (draft !== undefined) await kith.removeDraft(draft);
  return ref;
}

/** sendNow posts without a pause, for what nobody else can see. */
export function sendNow(kith: Kith, what: Compose, draft: string | undefined): Promise<PostRef> {
  return sent(kith, what, draft);
}
