import { expect } from "vitest";
import { type Bytes, join } from "../../src/core/bytes.ts";
import { aboutRecord, type Entry, endRecord, readAll, rowRecord, settingRecord } from "../../src/core/backup/content.ts";
import { chunksOf, readHead, u32, Writer } from "../../src/core/backup/file.ts";
import { makeKit, openKit, readCode, codeOf } from "../../src/core/backup/kit.ts";
import { utf8 } from "../../src/core/bytes.ts";
import { object } from "../../src/core/json.ts";
import type { Row } from "../../src/core/store/store.ts";
import { openEntry, sealEntry } from "../../src/core/store/journal.ts";
import { generate } from "../../src/core/webid/key.ts";
import { octets, values, written } from "./mutate.ts";
import { bears } from "./oracle.ts";

// A backup lies with strangers, and whoever knows its kit's key can seal another.

const person = await generate("sign", true);
const recovery = new Uint8Array(await crypto.subtle.exportKey("pkcs8", person.key));
const secret = new Uint8Array(16).fill(5);
const kit = await makeKit(secret, person, recovery, { serial: 1, now: 0, nonce: new Uint8Array(12) });
const opened = await openKit(kit, await readCode(await codeOf(secret)));
const row: Row = { path: "/a", id: "i", version: { counter: 1, device: "d" }, type: "text/plain", etag: "e", size: 3, modified: 5, used: 5, here: true, note: { published: 4 } };
const about = { label: "l", name: "Ana", made: 1, device: "d", key: "k" };
const records = [aboutRecord(about), rowRecord(row, utf8("abc")), rowRecord({ ...row, path: "drafts/x" }, undefined), settingRecord("counter", 7), settingRecord("trace/x", { a: 1 }), endRecord()];

async function fileOf(...parts: readonly Bytes[]): Promise<Bytes> {
  const all: Bytes[] = [];
  const writer = await Writer.open(async (bytes) => void all.push(bytes), kit);
  for (const part of parts) await writer.write(part);
  await writer.end(async () => new Uint8Array(32));
  return join(...all);
}

/** entries reads a body that comes in chunks. */
async function entries(chunks: AsyncIterable<Bytes>): Promise<readonly Entry[]> {
  const all: Entry[] = [];
  await readAll(chunks, async (said) => void expect(typeof said.name).toBe("string"), async (entry) => void all.push(entry));
  return all;
}

async function* portions(body: Bytes): AsyncGenerator<Bytes> {
  for (let at = 0; at < body.length; at += 50) yield body.slice(at, at + 50);
}

async function restored(file: Bytes): Promise<readonly Entry[]> {
  const source = new Blob([file]);
  return entries(chunksOf(source, await readHead(source), opened));
}

const inTree = (all: readonly Entry[]): void => all.forEach((entry) => expect("set" in entry ? entry.set : entry.put.path).toMatch(/^\/|^drafts\/|^counter$|^[a-z]+\/|^(known|unclear|pod)$/));
bears("files", { kind: octets, samples: [await fileOf(...records)], share: 50, read: restored, holds: inTree });
bears("heads of files", { kind: octets, samples: [(await fileOf(records[0] as Bytes)).slice(0, 1000)], read: (bytes) => readHead(new Blob([bytes])) });
bears("bodies of files", { kind: octets, samples: [join(...records)], read: (body) => entries(portions(body)), holds: inTree });
bears("records of a body", {
  kind: values, samples: [{ kind: "row", path: "/a", id: "i", version: { counter: 1, device: "d" }, type: "text/plain", etag: "e", modified: 5, note: {}, size: 0, here: true }, { kind: "set", name: "peer/x/seen", value: {} }],
  read: (value) => {
    const head = utf8(written(object(value) ?? {}));
    return entries(portions(join(records[0] as Bytes, u32(head.length), head, endRecord())));
  },
  holds: inTree,
});

const journal = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]) as CryptoKey;
const entry = await sealEntry(journal, new Uint8Array(12), [{ put: row, bytes: utf8("abc") }, { set: "a", value: 1 }]);
bears("entries of the journal", { kind: octets, samples: [entry], share: 50, read: (bytes) => openEntry(journal, bytes) });
