/** The paths of all rows in order. An iteration goes over what was there when it began. */

export class Paths {
  #sorted: readonly string[] = [];

  /** change takes paths in and out. */
  change(added: readonly string[], removed: readonly string[]): void {
    const next = this.#sorted.length === 0 ? [...added].sort() : [...this.#sorted];
    if (this.#sorted.length > 0) for (const path of added) next.splice(first(next, path), 0, path);
    for (const path of removed) next.splice(first(next, path), 1);
    this.#sorted = next;
  }

  /** below yields the paths that begin with `prefix`. */
  *below(prefix: string, descending = false): Generator<string> {
    const sorted = this.#sorted;
    const start = first(sorted, prefix);
    const end = find(sorted, (path) => path > prefix && !path.startsWith(prefix));
    for (let i = 0; i < end - start; i++) {
      const path = sorted[descending ? end - 1 - i : start + i];
      if (path !== undefined) yield path;
    }
  }
}

function first(sorted: readonly string[], path: string): number {
  return find(sorted, (each) => each >= path);
}

/** find returns the index of the first path of which `is` holds; it holds of all that follow. */
function find(sorted: readonly string[], is: (path: string) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (is(sorted[middle] ?? "")) high = middle;
    else low = middle + 1;
  }
  return low;
}
