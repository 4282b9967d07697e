import { type ReadonlySignal, signal } from "@preact/signals";
import type { ContactId, FeedPage, Kith, Post } from "../core/kith.ts";

const pageSize = 20;

/** Which posts: of everyone, or of one author; and only those that a search finds. */
export interface Choice {
  readonly author?: ContactId | "me";
  readonly search?: string;
}

/** Pager holds the posts that were read so far, newest first, and reads on when asked. */
export interface Pager {
  /** Undefined until the first page is there. */
  readonly page: ReadonlySignal<FeedPage | undefined>;
  /** Reads what is shown again, as after a change. Calls while it runs count as one more. */
  again(): Promise<void>;
  /** Reads the next page. */
  on(): Promise<void>;
}

/** pagerOf returns the pager of a choice of posts; it has read nothing yet. */
export function pagerOf(kith: Kith, choice: Choice): Pager {
  const page = signal<FeedPage | undefined>(undefined);
  let busy: Promise<void> | undefined;
  let wanted = false;

  const read = async (limit: number): Promise<void> => {
    page.value = await kith.feed({ ...choice, limit });
  };
  const again = async (): Promise<void> => {
    wanted = true;
    while (busy !== undefined) await busy;
    if (!wanted) return;
    wanted = false;
    await run(read(Math.max(pageSize, page.value?.posts.length ?? 0)));
  };
  const on = async (): Promise<void> => {
    const last = page.value?.posts.at(-1);
    if (busy !== undefined || last === undefined) return busy;
    await run(kith.feed({ ...choice, limit: pageSize, before: last.published }).then((next) => {
      page.value = { ...next, posts: [...(page.value?.posts ?? []), ...next.posts] };
    }));
  };
  const run = async (work: Promise<void>): Promise<void> => {
    busy = work.finally(() => { busy = undefined; });
    await busy;
  };
  return { page, again, on };
}

/** fence returns how many of the posts lie before an instant in time: those that are not older. */
export function fence(posts: readonly Post[], oldest: number): number {
  const first = posts.findIndex((post) => post.published < oldest);
  return first < 0 ? posts.length : first;
}
