import { useState } from "preact/hooks";
import type { Picture, Post } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Photo } from "./photo.tsx";
import { Viewer } from "./viewer.tsx";
import { transition } from "./transition.ts";

/** Pictures of an album that are shown before the rest is counted. */
export const mostTiles = 5;
/** A single picture is cut no taller and no wider than this. */
const tallest = 4 / 5;
const widest = 2.2;

/** Album lays out a post's pictures with a gap of two pixels; a tap opens one in full. Its height is known
 * before any picture is. */
export function Album({ post }: { readonly post: Post }) {
  const { t } = useApp();
  const [open, setOpen] = useState<number>();
  const [leaving, setLeaving] = useState<number>();
  const shown = post.pictures.slice(0, mostTiles);
  const rest = post.pictures.length - shown.length;
  const show = (at: number | undefined, from: number): void => transition(() => setOpen(at), () => setLeaving(from), () => setLeaving(undefined));
  return (
    <div class={`album album-${shown.length}`}>
      {shown.map((picture, at) => (
        <button type="button" class="tile" key={picture.index} {...(shown.length === 1 ? { style: { aspectRatio: String(shapeOf(picture)) } } : {})}
          onClick={() => show(at, at)}>
          <span class="unseen">{t.picture.of(at + 1, post.pictures.length)} </span>
          <Photo post={post.ref} picture={picture} {...(leaving === at && open === undefined ? { named: "picture" } : {})} />
          {rest > 0 && at === mostTiles - 1 ? <span class="tile-more">{t.picture.more(rest)}</span> : null}
        </button>
      ))}
      {open === undefined ? null : <Viewer post={post} start={open} onClose={(at) => show(undefined, at)} />}
    </div>
  );
}

/** shapeOf returns how wide a single picture is shown for its height. */
export function shapeOf({ width, height }: Pick<Picture, "width" | "height">): number {
  return Math.min(widest, Math.max(tallest, width / Math.max(1, height)));
}
