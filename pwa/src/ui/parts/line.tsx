import { useEffect, useState } from "preact/hooks";
import type { Post, PostRef } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Photo } from "./photo.tsx";

/** usePosts reads posts, as far as they are here. */
export function usePosts(refs: readonly PostRef[]): ReadonlyMap<PostRef | undefined, Post> {
  const { kith } = useApp();
  const [posts, setPosts] = useState<ReadonlyMap<PostRef, Post>>(new Map());
  useEffect(() => {
    let left = false;
    const found = Promise.all([...new Set(refs)].map((ref) => kith.readPost(ref)));
    void found.then((all) => { if (!left) setPosts(new Map(all.flatMap((post) => (post === undefined ? [] : [[post.ref, post]])))); });
    return () => { left = true; };
  }, [refs.join("\n")]);
  return posts;
}

/** firstLine returns how a post begins; "" for one without text. */
export function firstLine({ text }: Post): string {
  return text.split("\n")[0]?.slice(0, 80) ?? "";
}

/** PostLine is a post on one line of a list: a text, and its first picture where this device has it. */
export function PostLine({ post, text }: { readonly post: Post; readonly text: string }) {
  const [picture] = post.pictures;
  return (
    <span class="post-row">
      {picture?.thumbHere === true ? <span class="tile"><Photo post={post.ref} picture={picture} /></span> : null}
      <bdi>{text}</bdi>
    </span>
  );
}
