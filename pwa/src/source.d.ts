// A module imported with `?source` is bundled on its own; the importer gets
// its text, to be started as a worker (build/source.ts).
declare module "*?source" {
  export const source: string;
}
