import { useId, useState } from "preact/hooks";
import type { Post } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { addressOf } from "../route.ts";
import { Album } from "./album.tsx";
import { Chip } from "./chip.tsx";
import { Face } from "./face.tsx";
import type { Words } from "../words/words.ts";
import { Icon } from "./icon.tsx";

/** Longer texts are cut in the feed and whole on the post's own screen. */
const long = 560;

interface CardProps {
  readonly post: Post;
  /** On the post's own screen: everything, and no way further in. */
  readonly whole?: boolean;
}

/** Card is a post wherever it stands: who and when, who can see it, the text, the pictures, how it stands. */
export function Card({ post, whole = false }: CardProps) {
  const { aliases, t } = useApp();
  const by = useId();
  const address = addressOf("post", aliases.of(post.ref));
  return (
    <article class="post" aria-labelledby={by}>
      <header class="post-head">
        <Face id={post.author ?? "me"} name={post.authorName} />
        <div class="post-who">
          <p class="post-line">
            <bdi class="post-name" id={by}>{post.authorName}</bdi>
            <Time post={post} whole={whole} />
          </p>
          <PostAudience post={post} />
        </div>
        {whole ? null : <a class="plain round" href={address} aria-label={t.post.open(post.authorName)}><Icon name="more" /></a>}
      </header>
      {post.purged ? null : <Text text={post.text} {...(whole ? {} : { address })} />}
      {post.pictures.length > 0 && !post.purged ? <Album post={post} /> : null}
      <State post={post} whole={whole} />
      {whole || post.audience.kind === "me" || post.purged ? null : <a class="read-on" href={address}>{saidWords(post, t)}</a>}
    </article>
  );
}

type Sheets = typeof import("../screens/conversation.tsx").AudienceSheets;

/** A post's chip: it shows the people, and for one's own post changes them. */
function PostAudience({ post }: { readonly post: Post }) {
  const { said, t } = useApp();
  const [Sheets, setSheets] = useState<Sheets>();
  const open = (): void => void import("../screens/conversation.tsx")
    .then(({ AudienceSheets }) => setSheets(() => AudienceSheets), () => { said.value = { text: t.trouble.unloaded, failed: true }; });
  return (
    <>
      <Chip view={post.audience} onPress={open} />
      {Sheets === undefined ? null : <Sheets post={post} onClose={() => setSheets(undefined)} />}
    </>
  );
}

function Time({ post, whole }: { readonly post: Post; readonly whole: boolean }) {
  const { clock, t } = useApp();
  const { published, updated } = post;
  return (
    <span class="post-when">
      <time dateTime={new Date(published).toISOString()} title={clock.at(published)}>{whole ? clock.at(published) : clock.ago(published)}</time>
      {updated === undefined ? null : ` · ${t.post.edited}`}
    </span>
  );
}

/** An address of the web, without what ends the sentence that it stands in. */
const link = /(https?:\/\/[^\s<>"]*[^\s<>".,:;!?'()[\]])/;

/** Line is a paragraph of what somebody wrote: it runs its own way, and addresses in it can be opened. */
export function Line({ text }: { readonly text: string }) {
  const parts = text.split(link);
  return <p dir="auto">{text === "" ? <br /> : parts.map((part, at) => (at % 2 === 0 ? part : <a key={at} href={part} dir="ltr" target="_blank" rel="noopener noreferrer">{part}</a>))}</p>;
}

/** Text is what a post says. With an address it leads there, and a long one is cut. */
export function Text({ text, address }: { readonly text: string; readonly address?: string }) {
  const { t } = useApp();
  if (text === "") return null;
  const cut = address !== undefined && text.length > long;
  // A short way for those who point; the links of the card are there for everybody.
  const open = ({ target }: Event): void => {
    if (address !== undefined && getSelection()?.isCollapsed !== false && (target as Element).closest("a") === null) location.hash = address;
  };
  return (
    <>
      <div class={cut ? "post-text cut" : "post-text"} onClick={open}>{text.split("\n").map((line, at) => <Line key={at} text={line} />)}</div>
      {cut ? <a class="read-on" href={address}>{t.post.readOn}</a> : null}
    </>
  );
}

/** saidWords counts what was said to a post, or offers to say something. */
function saidWords({ comments, likes }: Post, t: Words): string {
  const counts = [...(likes > 0 ? [t.post.likes(likes)] : []), ...(comments > 0 ? [t.post.comments(comments)] : [])];
  return counts.length === 0 ? t.post.say : counts.join(" · ");
}

/** What is true of the post and cannot be seen: how far it has come, or that its copy was removed here. */
function State({ post, whole }: { readonly post: Post; readonly whole: boolean }) {
  const { attempt, clock, kith, t } = useApp();
  if (post.purged) {
    return (
      <p class="state post-state">
        {post.lapsed === undefined ? t.post.purged : t.post.lapsed(clock.at(post.lapsed))}
        <button type="button" class="link" onClick={() => void attempt(() => kith.askAgain(post.ref))}>{t.post.askAgain}</button>
      </p>
    );
  }
  const text = useStateWords(post, whole);
  return text === undefined ? null : <p class="state post-state">{text}</p>;
}

/** In the feed a state is told only while it is not the one that everybody expects. */
function useStateWords(post: Post, whole: boolean): string | undefined {
  const { model, t } = useApp();
  const hasPod = model.pod.value.kind !== "none";
  if (post.state === "waiting") return model.pod.value.error?.code === "pod-full" ? t.post.full : t.post.waiting;
  if (!whole || post.state === "theirs") return undefined;
  if (post.state === "pod") return post.audience.kind === "me" ? t.post.mine : t.post.pod;
  if (post.audience.kind === "me") return t.post.mine;
  if (post.state === "awake") return t.post.awake;
  return hasPod ? t.post.phone : t.post.phoneNoPod;
}
