// Writes each file of dist, gzipped, into packed: that is what goes into the
// binary, and from there to browsers as it is, so it is packed once as tightly as
// gzip can be. The same bytes come out on every machine: no time, no name, and no
// system in the head (RFC 1952 §2.3).
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipAsync } from "@gfx/zopfli";

const from = new URL("../dist/", import.meta.url);
const to = new URL("../packed/", import.meta.url);
const anySystem = 255;

const names = (/** @type {URL} */ folder) => readdirSync(folder).filter((name) => !name.startsWith("."));

for (const name of names(to)) rmSync(new URL(name, to));
for (const name of names(from)) {
  const packed = await gzipAsync(readFileSync(new URL(name, from)), { numiterations: 5 });
  packed[9] = anySystem;
  writeFileSync(new URL(`${name}.gz`, to), packed);
}
