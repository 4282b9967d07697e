import { useEffect, useRef, useState } from "preact/hooks";
import type { Picture, PostRef } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import type { Held } from "../thumbs.ts";

/** How far outside the screen a picture is made ready, and from where on it is let go. */
const margin = "1200px 0px";

/** Photo shows the thumbnail of a post's picture while it is near the screen, and holds no memory for it
 * otherwise. Its place is reserved by whoever lays it out. */
export function Photo({ post, picture, named }: { readonly post: PostRef; readonly picture: Picture; readonly named?: string }) {
  const { pictures, t } = useApp();
  const image = useRef<HTMLImageElement>(null);
  const [url, setUrl] = useState(() => pictures.peek(post, picture.index, "thumb"));
  const [missing, setMissing] = useState(false);
  const near = useNear(image);
  useEffect(() => {
    if (!near) return undefined;
    let held: Held | undefined;
    let left = false;
    pictures.hold(post, picture.index, "thumb").then((found) => {
      if (left) return found.letGo();
      held = found;
      setMissing(false);
      setUrl(found.url);
    }, () => setMissing(true));
    return () => {
      left = true;
      held?.letGo();
      setUrl(undefined);
    };
    // One that is missing is tried again when it has come.
  }, [near, post, picture.index, missing && picture.thumbHere]);
  return (
    <>
      <img ref={image} class={url === undefined ? "photo" : "photo here"} alt={picture.alt} decoding="async" draggable={false}
        width={picture.width} height={picture.height} {...(url === undefined ? {} : { src: url })} {...(named === undefined ? {} : { style: { viewTransitionName: named } })} />
      {missing ? <span class="tile-missing">{t.picture.missing}</span> : null}
    </>
  );
}

function useNear(element: { readonly current: Element | null }): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (element.current === null) return undefined;
    const watch = new IntersectionObserver(([entry]) => {
      // Without a size it is on a screen that is kept but not shown; it stays as it is.
      if (entry !== undefined && entry.boundingClientRect.width > 0) setNear(entry.isIntersecting);
    }, { rootMargin: margin });
    watch.observe(element.current);
    return () => watch.disconnect();
  }, []);
  return near;
}
