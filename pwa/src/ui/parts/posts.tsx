import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Post } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { type Choice, type Pager, pagerOf } from "../pager.ts";
import { Card } from "./post.tsx";

/** usePager reads a choice of posts, and reads it again whenever something changes. */
export function usePager(choice: Choice): Pager {
  const { attempt, kith, model } = useApp();
  const pager = useMemo(() => pagerOf(kith, choice), [choice.author, choice.search]);
  const changes = model.changes.value;
  useEffect(() => { void attempt(() => pager.again()); }, [pager, changes]);
  return pager;
}

/** Posts lists posts. */
export function Posts({ posts }: { readonly posts: readonly Post[] }) {
  return <div class="posts">{posts.map((post) => <Card key={post.ref} post={post} />)}</div>;
}

/** More reads on when it comes near the screen. */
export function More({ onNear, children }: { readonly onNear: () => void; readonly children?: ComponentChildren }) {
  const mark = useRef<HTMLDivElement>(null);
  const near = useRef(onNear);
  near.current = onNear;
  useEffect(() => {
    if (mark.current === null) return undefined;
    const watch = new IntersectionObserver(([entry]) => { if (entry?.isIntersecting === true) near.current(); }, { rootMargin: "1600px 0px" });
    watch.observe(mark.current);
    return () => watch.disconnect();
  }, []);
  return <div ref={mark} class="more">{children}</div>;
}

/** AllPosts lists the posts of one choice to the end, as on a friend's screen. */
export function AllPosts({ choice, empty }: { readonly choice: Choice; readonly empty: ComponentChildren }) {
  const { attempt } = useApp();
  const pager = usePager(choice);
  const page = pager.page.value;
  if (page === undefined) return null;
  if (page.posts.length === 0) return <>{empty}</>;
  return (
    <>
      <Posts posts={page.posts} />
      {page.more ? <More key={page.posts.length} onNear={() => void attempt(() => pager.on())} /> : null}
    </>
  );
}
