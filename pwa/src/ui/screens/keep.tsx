import type { ContactId, Conversation, Post } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { useTalkWords } from "../words/talk.ts";
import { useTalk } from "./said.tsx";

/** Keep says how long the copy of a friend's post stays, and asks its owner to let it stay. */
export function Keep({ post, conversation }: { readonly post: Post; readonly conversation: Conversation }) {
  const { clock } = useApp();
  const talk = useTalk();
  const w = useTalkWords();
  const { keep, until } = conversation;
  const owner = post.authorName;
  const said = keep === "granted" ? w.keep.granted(owner) : until === undefined ? undefined : w.keep.until(owner, clock.at(until));
  return (
    <>
      {keep === "no" && until !== undefined && !post.purged ? <button type="button" class="button" onClick={() => void talk((talk) => talk.askToKeep(post.ref))}>{w.keep.ask}</button> : null}
      {keep === "asked" ? <p class="state whole" role="status">{w.keep.asked(owner)}</p> : null}
      {said === undefined || post.purged ? null : <p class="state whole">{said}</p>}
    </>
  );
}

/** KeepAsked shows that a friend asks to keep an own post, and what saying yes means. */
export function KeepAsked({ post, who }: { readonly post: Post; readonly who: { readonly cid: ContactId; readonly name: string } }) {
  const { say } = useApp();
  const talk = useTalk();
  const w = useTalkWords();
  const answer = async (yes: boolean): Promise<void> => {
    if ((await talk((talk) => talk.answerKeep(post.ref, who.cid, yes))) && yes) say(w.keep.said(who.name));
  };
  return (
    <div class="notice strong">
      <div class="notice-said"><p>{w.keep.asks(who.name)}</p><p class="state">{w.keep.means}</p></div>
      <div class="pair">
        <button type="button" class="button" onClick={() => void answer(false)}>{w.keep.no}</button>
        <button type="button" class="button primary" onClick={() => void answer(true)}>{w.keep.yes}</button>
      </div>
    </div>
  );
}
