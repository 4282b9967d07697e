import { useEffect, useId, useState } from "preact/hooks";
import type { Conversation, Post, PostRef, Reply, Talk } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Face } from "../parts/face.tsx";
import { Line } from "../parts/post.tsx";
import { AskButton } from "../parts/sheet.tsx";
import { type TalkWords, useTalkWords } from "../words/talk.ts";

/** The longest comment, in characters. */
const longest = 2000;

/** useConversation reads what was said to a post, again whenever something changes. */
export function useConversation(ref: PostRef): Conversation | undefined {
  const { attempt, kith, model } = useApp();
  const [conversation, setConversation] = useState<Conversation>();
  const changes = model.changes.value;
  useEffect(() => {
    let left = false;
    const read = async (): Promise<Conversation> => (await kith.talk()).of(ref);
    void attempt(read).then((found) => { if (!left && found !== undefined) setConversation(found); });
    return () => { left = true; };
  }, [ref, changes]);
  return conversation;
}

/** useTalk returns what does one thing with a conversation and tells of its failure. */
export function useTalk(): (act: (talk: Talk) => Promise<void>) => Promise<boolean> {
  const { attempt, kith } = useApp();
  return async (act) => (await attempt(async () => {
    await act(await kith.talk());
    return true;
  })) === true;
}

/** Said shows what was said to a post, and lets one say something. */
export function Said({ post, replies }: { readonly post: Post; readonly replies: readonly Reply[] }) {
  const w = useTalkWords();
  const title = useId();
  const comments = replies.filter(({ kind }) => kind === "comment");
  if (post.audience.kind === "me" && replies.length === 0) return null;
  return (
    <section class="said" aria-labelledby={title}>
      <h2 class="label" id={title}>{w.talk.title}</h2>
      <Likes post={post} likes={replies.filter(({ kind }) => kind === "like")} />
      {comments.length === 0 ? null : <ul class="said-all">{comments.map((reply) => <Comment key={reply.id} post={post} reply={reply} />)}</ul>}
      <Write post={post} />
    </section>
  );
}

function Likes({ post, likes }: { readonly post: Post; readonly likes: readonly Reply[] }) {
  const talk = useTalk();
  const w = useTalkWords();
  const mine = likes.some((each) => each.mine && each.state !== "leaving");
  return (
    <div class="likes">
      <button type="button" class="plain like" aria-pressed={mine} onClick={() => void talk((talk) => talk.like(post.ref, !mine))}>
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="M12 20C5.5 15.6 3 12.4 3 9a4.6 4.6 0 0 1 9-1.4A4.6 4.6 0 0 1 21 9c0 3.4-2.5 6.6-9 11Z" /></svg>
        {w.talk.like}
      </button>
      <LikedBy likes={likes} mine={mine} />
    </div>
  );
}

function LikedBy({ likes, mine }: { readonly likes: readonly Reply[]; readonly mine: boolean }) {
  const w = useTalkWords();
  const others = [...new Set(likes.filter((each) => !each.mine).map(({ name }) => name))];
  if (others.length === 0) return mine ? <p class="state">{w.talk.youLike}</p> : null;
  return <p class="state"><bdi>{mine ? w.talk.youAnd(others) : w.talk.liked(others)}</bdi></p>;
}

function Comment({ post, reply }: { readonly post: Post; readonly reply: Reply }) {
  const { clock } = useApp();
  const w = useTalkWords();
  const { at, author, mine, name, state, text } = reply;
  return (
    <li class={state === "leaving" ? "comment leaving" : "comment"}>
      <Face id={mine ? "me" : author ?? name} name={name} />
      <div class="comment-body">
        <p class="post-line"><bdi class="post-name">{name}</bdi><time class="post-when" dateTime={new Date(at).toISOString()} title={clock.at(at)}>{clock.ago(at)}</time></p>
        <div class="comment-text">{text.split("\n").map((line, n) => <Line key={n} text={line} />)}</div>
        <div class="state comment-state">
          <span>{stateWords(reply, post.authorName, w)}</span>
          {(mine || post.author === undefined) && state !== "leaving" ? <Away post={post} reply={reply} /> : null}
        </div>
      </div>
    </li>
  );
}

/** What one said oneself can be said again; what another said can't be brought back. */
function Away({ post, reply: { id, mine, name, text } }: { readonly post: Post; readonly reply: Reply }) {
  const { say } = useApp();
  const talk = useTalk();
  const w = useTalkWords();
  const words = text.slice(0, 40);
  const takeBack = async (): Promise<void> => {
    if (await talk((talk) => talk.unsay(post.ref, id))) say(w.talk.tookBack, () => void talk((talk) => talk.comment(post.ref, text)));
  };
  const remove = async (): Promise<void> => {
    if (await talk((talk) => talk.unsay(post.ref, id))) say(w.talk.removed);
  };
  if (mine) return <button type="button" class="link" aria-label={w.talk.takeBackWhat(words)} onClick={() => void takeBack()}>{w.talk.takeBack}</button>;
  return <AskButton look="link" label={w.talk.removeWhat(name, words)} title={w.talk.removeTitle(name)} text={w.talk.removeText} yes={w.talk.remove} no={w.post.keep} onYes={() => void remove()}>{w.talk.remove}</AskButton>;
}

/** stateWords says how far a comment has come, while that is not where it should be. */
function stateWords({ error, state }: Reply, owner: string, w: TalkWords): string {
  if (state === "waiting") return error === undefined ? w.talk.waiting(owner) : w.talk.waitingWhy(owner);
  return state === "shown" ? "" : w.talk[state](owner);
}

function Write({ post }: { readonly post: Post }) {
  const { typed } = useApp();
  const talk = useTalk();
  const w = useTalkWords();
  const hint = useId();
  const [text, setText] = useState(typed.get(post.ref) ?? "");
  const change = (to: string): void => {
    setText(to);
    typed.set(post.ref, to);
  };
  const send = async (): Promise<void> => {
    if (await talk((talk) => talk.comment(post.ref, text))) change("");
  };
  return (
    <form class="say" onSubmit={(event) => { event.preventDefault(); void send(); }}>
      <textarea rows={1} dir="auto" autocomplete="off" maxLength={longest} aria-label={w.talk.write} placeholder={w.talk.write} aria-describedby={hint} value={text} onInput={(event) => change(event.currentTarget.value)} />
      <button type="submit" class="button primary" disabled={text.trim() === ""}>{w.talk.send}</button>
      <p class="state" id={hint}>{post.author === undefined ? w.talk.seenByAll : w.talk.seenBy(post.authorName)}</p>
    </form>
  );
}
