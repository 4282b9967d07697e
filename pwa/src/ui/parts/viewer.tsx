import { useEffect, useRef, useState } from "preact/hooks";
import type { Picture, Post } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import type { Held } from "../thumbs.ts";
import { sentenceFor } from "../words/words.ts";
import { Icon } from "./icon.tsx";
import { useLayer } from "./layer.ts";

/** A wait that is longer than this gets a sentence. */
const patience = 2_000;

interface ViewerProps {
  readonly post: Post;
  readonly start: number;
  /** Hears which picture was shown last. */
  readonly onClose: (at: number) => void;
}

/** Viewer shows a post's pictures in full, one at a time; swipe or use the arrow keys. */
export function Viewer({ post, start, onClose }: ViewerProps) {
  const { t } = useApp();
  const [at, setAt] = useState(start);
  const dialog = useLayer(() => onClose(at));
  const strip = useRef<HTMLDivElement>(null);
  const last = post.pictures.length - 1;
  useEffect(() => { strip.current?.children[start]?.scrollIntoView({ behavior: "instant" as ScrollBehavior, inline: "start", block: "nearest" }); }, []);
  const turn = (by: number): void => strip.current?.children[at + by]?.scrollIntoView({ inline: "start", block: "nearest" });
  const onScroll = (event: { currentTarget: HTMLElement }): void => {
    const { scrollLeft, clientWidth } = event.currentTarget;
    setAt(Math.min(last, Math.max(0, Math.round(Math.abs(scrollLeft) / Math.max(1, clientWidth)))));
  };
  const picture = post.pictures[at];
  return (
    <dialog ref={dialog} class="viewer" aria-label={t.picture.of(at + 1, last + 1)} onKeyDown={({ key }) => {
      if (key === "ArrowRight") turn(1);
      if (key === "ArrowLeft") turn(-1);
    }}>
      <div class="strip" ref={strip} onScroll={onScroll} tabIndex={0}>
        {post.pictures.map((each, n) => <Full key={each.index} post={post} picture={each} wanted={Math.abs(n - at) <= 1} current={n === at} />)}
      </div>
      <div class="viewer-top">
        <button type="button" class="plain round" aria-label={t.close} onClick={() => onClose(at)} autofocus><Icon name="close" /></button>
        {last > 0 ? <span class="viewer-count">{t.picture.of(at + 1, last + 1)}</span> : null}
      </div>
      {last > 0 ? (
        <>
          <button type="button" class="plain round turn before" aria-label={t.picture.previous} disabled={at === 0} onClick={() => turn(-1)}><Icon name="back" /></button>
          <button type="button" class="plain round turn after" aria-label={t.picture.next} disabled={at === last} onClick={() => turn(1)}><Icon name="next" /></button>
        </>
      ) : null}
      {picture === undefined || picture.alt === "" ? null : <p class="viewer-alt" dir="auto">{picture.alt}</p>}
    </dialog>
  );
}

interface FullProps {
  readonly post: Post;
  readonly picture: Picture;
  readonly wanted: boolean;
  readonly current: boolean;
}

/** The thumbnail stands in until the large picture is there; a long wait and a failure are said in words. */
function Full({ post, picture, wanted, current }: FullProps) {
  const { pictures, t } = useApp();
  const [url, setUrl] = useState<string>();
  const [said, setSaid] = useState<{ readonly text: string; readonly failed: boolean }>();
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (!wanted) return undefined;
    let held: Held | undefined;
    let left = false;
    const slow = setTimeout(() => setSaid({ text: t.picture.fetching(post.authorName), failed: false }), patience);
    pictures.hold(post.ref, picture.index, "full").then((found) => {
      if (left) return found.letGo();
      held = found;
      setSaid(undefined);
      setUrl(found.url);
    }, (error: unknown) => left || setSaid({ text: sentenceFor(error, t), failed: true })).finally(() => clearTimeout(slow));
    return () => {
      left = true;
      clearTimeout(slow);
      held?.letGo();
      setUrl(undefined);
      setSaid(undefined);
    };
  }, [wanted, tries]);
  const src = url ?? pictures.peek(post.ref, picture.index, "thumb");
  return (
    <div class="full">
      <img alt={picture.alt} width={picture.width} height={picture.height} {...(src === undefined ? {} : { src })} {...(current ? { style: { viewTransitionName: "picture" } } : {})} />
      {said === undefined ? null : (
        <div class="full-said" role="status">
          <p>{said.text}</p>
          {said.failed ? <button type="button" class="button" onClick={() => setTries(tries + 1)}>{t.picture.again}</button> : null}
        </div>
      )}
    </div>
  );
}
