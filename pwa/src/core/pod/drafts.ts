/**
 * Drafts: what was typed and not posted, and edits that came second. They stay on this device.
 *
 *     draft/<id>            setting: a Draft whose pictures have no bytes
 *     drafts/<id>/<n>       row: the full picture n, counted from 0
 *     drafts/<id>/<n>-t     row: its thumbnail
 */

import { randomName } from "../ids.ts";
import type { Draft, NewPicture, PostRef } from "../kith.ts";
import type { Store, Write } from "../store/store.ts";
import type { Bytes } from "../bytes.ts";
import { newHandle, newRow, type Tree } from "./tree.ts";

type Kept = Omit<Draft, "pictures"> & { readonly pictures: readonly Omit<NewPicture, "full" | "thumb">[] };

const settings = "draft/";
/** draftRows is the path below which the pictures of drafts lie. */
export const draftRows = "drafts/";
const rowsOf = (id: string): string => `${draftRows}${id}/`;

/** Drafts holds the drafts in memory, so that views can read them at once. */
export class Drafts {
  readonly #tree: Tree;
  #all: readonly Draft[] = [];

  private constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** open loads the drafts. */
  static async open(tree: Tree): Promise<Drafts> {
    const drafts = new Drafts(tree);
    await drafts.load();
    return drafts;
  }

  /** list returns the drafts, newest first. */
  list(): readonly Draft[] {
    return this.#all;
  }

  /** load reads the drafts again, after another tab wrote some. */
  async load(): Promise<void> {
    const { store } = this.#tree;
    const kept = store.names(settings).map((name) => store.get(name) as Kept);
    const full = await Promise.all(kept.map((draft) => withBytes(store, draft)));
    this.#all = full.sort((a, b) => b.saved - a.saved);
  }

  /** save keeps a draft, replacing the one of its id. */
  async save(draft: Omit<Draft, "id" | "saved"> & { readonly id?: string }): Promise<string> {
    const { env, store } = this.#tree;
    const id = draft.id ?? randomName(env.random, 20);
    await store.apply([...erasing(store, id), ...(await writing(this.#tree, { ...draft, id, saved: env.now() }))]);
    await this.load();
    return id;
  }

  /** remove erases a draft. */
  async remove(id: string): Promise<void> {
    await this.#tree.store.apply(withoutDraft(this.#tree.store, id));
    await this.load();
  }
}

/** withoutDraft returns the writes that erase a draft. */
export function withoutDraft(store: Store, id: string): readonly Write[] {
  return [{ unset: settings + id }, ...erasing(store, id)];
}

function erasing(store: Store, id: string): readonly Write[] {
  return [...store.rows(rowsOf(id))].map(({ path }) => ({ erase: path }));
}

/** lostDraft returns the writes that keep the text of an edit that came second; none if it is kept already, since
 * it can be met both in what the pod tells and in what it refuses. */
export function lostDraft(tree: Tree, post: PostRef, text: string): readonly Write[] {
  const { store } = tree;
  const all = store.names(settings).map((name) => store.get(name) as Kept);
  if (all.some((draft) => draft.reason === "lost" && draft.post === post && draft.text === text)) return [];
  const id = randomName(tree.env.random, 20);
  const draft: Kept = { id, text, audience: { kind: "me" }, pictures: [], saved: tree.env.now(), reason: "lost", post };
  return [{ set: settings + id, value: draft }];
}

async function writing(tree: Tree, draft: Draft): Promise<readonly Write[]> {
  const rows = draft.pictures.flatMap(({ full, thumb }, n) => [[`${n}`, full], [`${n}-t`, thumb]] as const);
  const writes = rows.map(([name, bytes]) => picture(tree, rowsOf(draft.id) + name, bytes));
  const pictures = draft.pictures.map(({ full: _full, thumb: _thumb, ...rest }) => rest);
  return [...(await Promise.all(writes)), { set: settings + draft.id, value: { ...draft, pictures } }];
}

async function picture({ env, device }: Tree, path: string, bytes: Bytes): Promise<Write> {
  const row = { path, id: newHandle(env), version: { counter: 0, device }, type: "application/octet-stream", modified: env.now() };
  return { put: await newRow(row, bytes), bytes };
}

async function withBytes(store: Store, draft: Kept): Promise<Draft> {
  const pictures = draft.pictures.map(async (picture, n): Promise<NewPicture[]> => {
    const [full, thumb] = await Promise.all([store.bytes(`${rowsOf(draft.id)}${n}`), store.bytes(`${rowsOf(draft.id)}${n}-t`)]);
    return full === undefined || thumb === undefined ? [] : [{ ...picture, full, thumb }];
  });
  return { ...draft, pictures: (await Promise.all(pictures)).flat() };
}
