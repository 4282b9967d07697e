/**
 * What happened in the own tree since the app was opened, in an order in which the person's other devices can follow it. Nothing of it is
 * kept: after a restart it has another name, and who followed compares all of it once more.
 *
 *     name    epoch      0 … head: each change of a row, and each deletion, has a number; a later change of the same one takes its place
 */

import { b64u } from "../bytes.ts";
import type { Gone, Tree } from "../pod/tree.ts";
import type { Row, Version } from "../store/store.ts";
import type { Tombstone } from "./replica.ts";

/** Change is a resource as it stands, or one that is no more. */
export type Change = { readonly seq: number } & ({ readonly row: Row } | { readonly gone: Tombstone });

interface Seen {
  readonly mark: string;
  readonly seq: number;
}

const goneSettings = "gone/";

/** Changes looks at the tree whenever it is asked. */
export class Changes {
  readonly epoch: string;
  readonly #tree: Tree;
  readonly #rows = new Map<string, Seen>();
  readonly #gone = new Map<string, number>();
  #head = 0;

  constructor(tree: Tree) {
    this.#tree = tree;
    this.epoch = b64u(tree.env.random(12));
  }

  /** head returns the number of the last change. */
  get head(): number {
    this.#look();
    return this.#head;
  }

  /** after returns the changes after a number, in their order. */
  after(seq: number): readonly Change[] {
    this.#look();
    const { store } = this.#tree;
    const rows = [...this.#rows].flatMap(([path, seen]): readonly Change[] => {
      const row = seen.seq > seq ? store.row(path) : undefined;
      return row === undefined ? [] : [{ seq: seen.seq, row }];
    });
    const gone = [...this.#gone].flatMap(([id, at]): readonly Change[] => (at > seq ? [{ seq: at, gone: { id, version: this.#goneAt(id) } }] : []));
    return [...rows, ...gone].sort((a, b) => a.seq - b.seq);
  }

  /** look numbers what is new by its versions: whoever has some of a device's changes has all before them. */
  #look(): void {
    const { store } = this.#tree;
    const fresh: { readonly counter: number; readonly note: (seq: number) => void }[] = [];
    const there = new Set<string>();
    for (const { path, id, etag, version } of store.rows("/")) {
      there.add(path);
      const mark = `${version.counter} ${version.device} ${id} ${etag}`;
      if (this.#rows.get(path)?.mark !== mark) fresh.push({ counter: version.counter, note: (seq) => this.#rows.set(path, { mark, seq }) });
    }
    for (const path of [...this.#rows.keys()]) if (!there.has(path)) this.#rows.delete(path);
    for (const id of store.names(goneSettings).map((name) => name.slice(goneSettings.length))) {
      if (!this.#gone.has(id)) fresh.push({ counter: this.#goneAt(id).counter, note: (seq) => this.#gone.set(id, seq) });
    }
    for (const { note } of fresh.sort((a, b) => a.counter - b.counter)) note(++this.#head);
  }

  #goneAt(id: string): Version {
    const { counter = 0, device = "" } = (this.#tree.store.get(goneSettings + id) as Gone | undefined) ?? {};
    return { counter, device };
  }
}
