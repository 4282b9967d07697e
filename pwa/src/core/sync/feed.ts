/**
 * The feed: own and friends' posts merged by time, newest first. Its order comes from the rows' facts, so
 * that only the posts of the page that is shown are decrypted.
 */

import { objectIn } from "../json.ts";
import type { AudienceView, ContactId, FeedPage, Picture, Post, PostRef } from "../kith.ts";
import { named } from "../name.ts";
import { given } from "../given.ts";
import { entries } from "../pod/outbox.ts";
import { relayCount } from "../pod/facts.ts";
import { type Folder, peers, posts, postPath } from "../pod/paths.ts";
import { type People, peopleOf, postAudience } from "../pod/people.ts";
import { type Note, noteOf } from "../pod/post.ts";
import { repliesName } from "../pod/replies.ts";
import { type Copy, copyOf, unreachedOf } from "./copies.ts";
import { lapsedOf } from "./leases.ts";
import type { Session } from "./session.ts";

/** Query is what `Kith.feed` takes. */
export interface Query {
  readonly limit: number;
  readonly before?: number;
  readonly author?: ContactId | "me";
  readonly search?: string;
}

/** Entry is a post's place in the order. */
interface Entry {
  readonly folder: Folder;
  readonly published: number;
  readonly copy?: Copy | undefined;
}

/** Where is a reference taken apart. */
export interface Where {
  readonly folder: Folder;
  readonly cid?: ContactId | undefined;
}

/** whereOf takes a reference apart. */
export function whereOf(ref: PostRef): Where {
  const [who = "", folder = ""] = ref.split("/");
  return { folder: folder as Folder, cid: who === "me" ? undefined : (who as ContactId) };
}

/** refOf makes the reference of a post. */
export function refOf({ folder, cid }: Where): PostRef {
  return `${cid ?? "me"}/${folder}` as PostRef;
}

const theirs: AudienceView = { kind: "theirs", people: [] };
/** So many texts are decrypted at once when searching. */
const stride = 50;

/** Asker is who asks friends, once that part is loaded. */
export interface Asker {
  /** Friends are being asked now. */
  readonly asking: boolean;
  /** fetchPosts fetches texts that a page lacked. */
  fetchPosts(copies: readonly Copy[]): void;
}

/** Feed keeps the order until told that something changed. */
export class Feed {
  readonly #session: Session;
  readonly #asker: () => Asker | undefined;
  #order: readonly Entry[] | undefined;

  constructor(session: Session, asker: () => Asker | undefined) {
    this.#session = session;
    this.#asker = asker;
  }

  /** changed makes the next page look at the rows again. */
  changed(): void {
    this.#order = undefined;
  }

  /** count returns how many posts of their own the person has. */
  count(): number {
    return this.#entries().filter(({ copy }) => copy === undefined).length;
  }

  /** page returns what this device holds, at once. Texts that it lacks are asked for in the background. */
  async page(query: Query): Promise<FeedPage> {
    const people = peopleOf(this.#session.store);
    const chosen = this.#chosen(query, people);
    const { found, more } = query.search === undefined ? first(chosen, query.limit) : await this.#search(chosen, query.search, query.limit);
    const shown = this.#shower(people);
    const page = await Promise.all(found.map((entry) => shown(entry)));
    const unreached = unreachedOf(this.#session.store, people.contacts.map(({ cid }) => cid));
    const asker = this.#asker();
    asker?.fetchPosts(found.flatMap(({ copy }) => (copy === undefined || copy.purged || (copy.here && !copy.stale && this.#lapsed(copy) === undefined) ? [] : [copy])));
    return { posts: page.filter((post) => post !== undefined), more, asking: asker?.asking === true, unreached };
  }

  /** read returns one post; undefined when there is none. */
  async read({ folder, cid }: Where): Promise<Post | undefined> {
    const row = this.#session.store.row(`${postPath(folder, cid)}post.jsonld`);
    if (row === undefined) return undefined;
    const copy = cid === undefined ? undefined : copyOf(row);
    return this.#shower()({ folder, published: Number(row.note?.published ?? 0), copy });
  }

  /** note returns what a post says; undefined when its text is not here, or may not be read any more. */
  async note({ folder, cid }: Where): Promise<Note | undefined> {
    const { store } = this.#session;
    const path = `${postPath(folder, cid)}post.jsonld`;
    const row = cid === undefined ? undefined : store.row(path);
    const copy = row === undefined ? undefined : copyOf(row);
    if (copy !== undefined && this.#lapsed(copy) !== undefined) return undefined;
    const bytes = await store.bytes(path);
    return bytes === undefined ? undefined : noteOf(objectIn(bytes));
  }

  #lapsed(copy: Copy): number | undefined {
    return lapsedOf(this.#session.store, copy, this.#session.env.now());
  }

  #chosen({ before = Infinity, author }: Query, { contacts }: People): readonly Entry[] {
    const muted = new Set(contacts.filter((each) => each.muted).map(({ cid }) => cid));
    const known = new Set(contacts.map(({ cid }) => cid));
    const wanted = (cid: ContactId | undefined): boolean => {
      if (author !== undefined) return author === (cid ?? "me");
      return cid === undefined || (known.has(cid) && !muted.has(cid));
    };
    return this.#entries().filter(({ copy, published }) => published < before && wanted(copy?.cid));
  }

  #entries(): readonly Entry[] {
    this.#order ??= orderOf(this.#session);
    return this.#order;
  }

  async #search(chosen: readonly Entry[], search: string, limit: number): Promise<{ readonly found: readonly Entry[]; readonly more: boolean }> {
    const wanted = folded(search);
    const found: Entry[] = [];
    for (let at = 0; at < chosen.length && found.length <= limit; at += stride) {
      const some = chosen.slice(at, at + stride);
      const notes = await Promise.all(some.map(({ folder, copy }) => this.note({ folder, cid: copy?.cid })));
      found.push(...some.filter((_, i) => folded(said(notes[i])).includes(wanted)));
    }
    return { found: found.slice(0, limit), more: found.length > limit };
  }

  /** shower returns a function that makes posts for the views, all of one moment. */
  #shower(people = peopleOf(this.#session.store)): (entry: Entry) => Promise<Post | undefined> {
    const { store, pod } = this.#session;
    const names = new Map(people.contacts.map(({ cid, name }) => [cid, name]));
    const waiting = new Set(entries(store).map(({ post }) => post));
    const followed = store.get("pod/cursor") !== undefined;
    const stateOf = (folder: Folder): Post["state"] => (pod === undefined ? (relayCount(store) > 0 ? "awake" : "phone") : waiting.has(folder) || !followed ? "waiting" : "pod");
    return async ({ folder, published, copy }) => {
      const note = await this.note({ folder, cid: copy?.cid });
      if (copy === undefined) return note === undefined ? undefined : { ...this.#own(folder, note, people), state: stateOf(folder) };
      return this.#theirs(copy, note, published, named(names.get(copy.cid) ?? ""));
    };
  }

  #own(folder: Folder, note: Note, people: People): Omit<Post, "state"> {
    const { store, me } = this.#session;
    return { ...this.#common({ folder }, note), authorName: me.name, audience: postAudience(store, folder, people), purged: false };
  }

  #theirs(copy: Copy, note: Note | undefined, published: number, authorName: string): Post {
    const { cid, folder } = copy;
    const rest = { author: cid, authorName, audience: theirs, state: "theirs" } as const;
    const counts = this.#counts({ cid, folder });
    if (note === undefined) return { ref: refOf({ folder, cid }), text: "", published, pictures: [], purged: true, ...counts, ...given({ lapsed: this.#lapsed(copy) }), ...rest };
    return { ...this.#common({ folder, cid }, note), published, purged: false, ...rest };
  }

  #counts({ cid, folder }: Where): Pick<Post, "comments" | "likes"> {
    const said = this.#session.store.row(postPath(folder, cid) + repliesName)?.note;
    return { comments: Number(said?.comments ?? 0), likes: Number(said?.likes ?? 0) };
  }

  #common(where: Where, note: Note): Pick<Post, "ref" | "text" | "published" | "updated" | "pictures" | "comments" | "likes"> {
    const { store } = this.#session;
    const base = postPath(where.folder, where.cid);
    const here = (name: string): boolean => store.row(base + name)?.here === true;
    const pictures = note.attachments.map(({ alt, width, height, url, thumb }, index): Picture => {
      const fullHere = here(url);
      return { index, alt, width, height, fullHere, thumbHere: thumb === undefined ? fullHere : here(thumb.url) };
    });
    const { text: said, published, updated } = note;
    return given({ ref: refOf(where), text: said, published, updated, pictures, ...this.#counts(where) });
  }
}

function orderOf({ store }: Session): readonly Entry[] {
  const found: Entry[] = [];
  for (const { path, note } of store.rows(posts)) {
    if (!path.endsWith("/post.jsonld") || note === undefined) continue;
    found.push({ folder: path.slice(posts.length, -"/post.jsonld".length) as Folder, published: Number(note.published) });
  }
  for (const row of store.rows(peers)) {
    const copy = row.path.endsWith("/post.jsonld") ? copyOf(row) : undefined;
    if (copy !== undefined) found.push({ folder: copy.folder, published: copy.published, copy });
  }
  return found.sort((a, b) => b.published - a.published || (a.folder < b.folder ? 1 : -1));
}

function first(chosen: readonly Entry[], limit: number): { readonly found: readonly Entry[]; readonly more: boolean } {
  return { found: chosen.slice(0, limit), more: chosen.length > limit };
}

function said(note: Note | undefined): string {
  return note === undefined ? "" : [note.text, ...note.attachments.map(({ alt }) => alt)].join("\n");
}

/** folded makes texts comparable whatever their case and accents. */
function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
