import { describe, expect, test } from "vitest";
import { type Bytes, join, same, utf8 } from "../../src/core/bytes.ts";
import { aboutRecord, type Entry, endRecord, readAll, rowRecord, settingRecord } from "../../src/core/backup/content.ts";
import { BackupError, type Why } from "../../src/core/backup/failure.ts";
import { chunksOf, readHead, Writer } from "../../src/core/backup/file.ts";
import { codeOf, type Kit, makeKit, openKit, readCode, readKit } from "../../src/core/backup/kit.ts";
import { generate, labelOf, type Signer } from "../../src/core/webid/key.ts";

function random(length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

async function somebody(): Promise<{ readonly person: Signer; readonly recovery: Bytes }> {
  const person = await generate("sign", true);
  return { person, recovery: new Uint8Array(await crypto.subtle.exportKey("pkcs8", person.key)) };
}

async function kitOf({ person, recovery }: Awaited<ReturnType<typeof somebody>>, serial = 1): Promise<{ readonly kit: Kit; readonly secret: Bytes }> {
  const secret = random(16);
  return { secret, kit: await makeKit(secret, person, recovery, { serial, now: Date.now(), nonce: random(12) }) };
}

async function why(act: () => Promise<unknown>): Promise<Why | "nothing"> {
  try {
    await act();
    return "nothing";
  } catch (error) {
    if (error instanceof BackupError) return error.why;
    throw error;
  }
}

describe("a code", () => {
  test("is read in any case, with spaces for dashes, and with digits that look like its letters", async () => {
    const secret = random(16);
    const code = await codeOf(secret);
    expect(code).toMatch(/^([A-Z2-7]{4}-){7}[A-Z2-7]{4}$/);
    const sloppy = code.toLowerCase().replaceAll("-", " ").replaceAll("o", "0").replaceAll("i", "1").replaceAll("b", "8");
    for (const written of [code, sloppy, ` ${code.replaceAll("-", "")}\n`]) expect(await readCode(written)).toEqual(secret);
  });

  test("with one wrong letter is none, whichever it is", async () => {
    const code = await codeOf(random(16));
    for (let at = 0; at < code.length; at++) {
      if (code[at] === "-") continue;
      const wrong = code.slice(0, at) + (code[at] === "A" ? "C" : "A") + code.slice(at + 1);
      expect(await why(() => readCode(wrong))).toBe("no-kit");
    }
    for (const written of ["", "ABCD", `${code}-ABCD`, code.slice(5)]) expect(await why(() => readCode(written))).toBe("no-kit");
  });
});

describe("a kit", () => {
  test("opens with its own code to the person key, and with no other", async () => {
    const ana = await somebody();
    const { kit, secret } = await kitOf(ana);
    const opened = await openKit(kit, secret);
    expect(opened).toMatchObject({ recovery: ana.recovery, label: await labelOf(ana.person.kid), person: { kid: ana.person.kid } });
    expect(await why(() => openKit(kit, random(16)))).toBe("other-kit");
  });

  test("counts only when the person key signed it", async () => {
    const [ana, mallory] = [await somebody(), await somebody()];
    const { kit } = await kitOf(mallory);
    await expect(readKit(kit.text, ana.person.kid)).rejects.toMatchObject({ verdict: "wrong label" });
    expect(await readKit(kit.text, mallory.person.kid)).toMatchObject({ key: kit.key, serial: 1 });
  });
});

const about = { label: "l", name: "Ana", made: 1, device: "d", key: "k" };
/** What stands in the place of a proof, which is restoring's to look at. */
const unproven = async (): Promise<Bytes> => new Uint8Array(32);
const row = { path: "/a", id: "i", version: { counter: 3, device: "d" }, type: "text/plain", etag: '"e"', size: 0, modified: 5, here: true, used: 0, note: { n: 1 } };

/** written makes a file of those bodies: rows, and one setting. */
async function written(kit: Kit, bodies: readonly Bytes[]): Promise<Bytes> {
  const parts: Bytes[] = [];
  const writer = await Writer.open(async (bytes) => void parts.push(bytes), kit);
  await writer.write(aboutRecord(about));
  await writer.write(settingRecord("counter", 7));
  for (const [i, bytes] of bodies.entries()) await writer.write(rowRecord({ ...row, path: `/${i}` }, bytes));
  await writer.write(rowRecord({ ...row, path: "/elsewhere", size: 9, here: false }, undefined));
  await writer.write(endRecord());
  await writer.end(unproven);
  return join(...parts);
}

async function read(file: Bytes, secret: Bytes): Promise<readonly Entry[]> {
  const source = new Blob([file]);
  const head = await readHead(source);
  const opened = await openKit(head.lock, secret);
  const all: Entry[] = [];
  await readAll(chunksOf(source, head, opened), async (found) => expect(found).toEqual(about), async (entry) => void all.push(entry));
  return all;
}

const bytesOf = (entry: Entry | undefined): Bytes => (entry !== undefined && "put" in entry && entry.bytes !== null ? entry.bytes : utf8("none"));

describe("a file", () => {
  test("says what was written, whatever the sizes", async () => {
    const { kit, secret } = await kitOf(await somebody());
    const chunk = 256 << 10;
    for (const bodies of [[], [utf8("one")], [random(60_000), random(chunk / 8), random(3)], Array.from({ length: 12 }, (_, i) => random(i * 9_999))]) {
      const all = await read(await written(kit, bodies), secret);
      expect(all[0]).toEqual({ set: "counter", value: 7 });
      expect(all.slice(1, -1).map((entry, i) => same(bytesOf(entry), bodies[i] ?? new Uint8Array(1)))).toEqual(bodies.map(() => true));
      expect(all.at(-1)).toMatchObject({ put: { path: "/elsewhere", size: 9, note: { n: 1 } }, bytes: null });
    }
  });

  test("whose body fills its last chunk to the brim is whole", async () => {
    const { kit, secret } = await kitOf(await somebody());
    const empty = await written(kit, [new Uint8Array(0)]);
    const spare = (256 << 10) - (empty.length - (await readHead(new Blob([empty]))).bytes.length - 16 - 32);
    for (const size of [spare - 5, spare - 4, spare - 3]) {
      const body = new Uint8Array(size);
      const file = await written(kit, [body]);
      expect(same(bytesOf((await read(file, secret))[1]), body)).toBe(true);
    }
  });

  test("that was cut off, altered, extended or put together anew is refused", async () => {
    const { kit, secret } = await kitOf(await somebody());
    const file = await written(kit, Array.from({ length: 9 }, () => random(64_000)));
    const head = (await readHead(new Blob([file]))).bytes.length;
    const step = (256 << 10) + 16;
    const flipped = (at: number): Bytes => file.map((byte, i) => (i === at ? byte ^ 1 : byte));
    const swapped = join(file.slice(0, head), file.slice(head + step, head + 2 * step), file.slice(head, head + step), file.slice(head + 2 * step));
    const bad: readonly Bytes[] = [
      file.slice(0, -1), file.slice(0, head), file.slice(0, head + step), file.slice(0, head + 2 * step), file.slice(0, head - 9), file.slice(0, 15),
      flipped(head), flipped(head + step + 5), flipped(file.length - 33), join(file, Uint8Array.of(0)), join(file, file.slice(head)), swapped,
    ];
    for (const each of bad) expect(await why(() => read(each, secret))).toBe("damaged");
    expect(await why(() => read(file, secret))).toBe("nothing");
  });

  test("of somebody else, of another program, or of a newer version is told apart", async () => {
    const [ana, ben] = [await kitOf(await somebody()), await kitOf(await somebody())];
    const file = await written(ana.kit, []);
    expect(await why(() => read(file, ben.secret))).toBe("other-kit");
    for (const other of ["", "PK\u0003\u0004 a zip", "kith backup", "kith backup one\n"]) expect(await why(() => read(utf8(other), ana.secret))).toBe("no-backup");
    expect(await why(() => read(join(utf8("kith backup 2\n"), file.slice(14)), ana.secret))).toBe("newer");
  });

  test("sealed with a new kit does not open with the old one", async () => {
    const ana = await somebody();
    const [old, fresh] = [await kitOf(ana), await kitOf(ana, 2)];
    expect(await why(async () => read(await written(fresh.kit, []), old.secret))).toBe("other-kit");
    expect(await why(async () => read(await written(old.kit, []), old.secret))).toBe("nothing");
  });

  test("with a record that leads elsewhere than into the person's tree is refused", async () => {
    const { kit, secret } = await kitOf(await somebody());
    const forged = async (record: Bytes): Promise<Bytes> => {
      const parts: Bytes[] = [];
      const writer = await Writer.open(async (bytes) => void parts.push(bytes), kit);
      for (const each of [aboutRecord(about), record, endRecord()]) await writer.write(each);
      await writer.end(unproven);
      return join(...parts);
    };
    for (const record of [rowRecord({ ...row, path: "peers/x/y" }, utf8("x")), settingRecord("me", {}), settingRecord("outbox/1", {}), settingRecord("gone/x", {}), settingRecord("peer/x/cursor", "")]) {
      expect(await why(async () => read(await forged(record), secret))).toBe("damaged");
    }
  });

  test("of a person with 2,000 photos is written and read with a few pieces in memory", async () => {
    const { kit, secret } = await kitOf(await somebody());
    const photo = random(20_000);
    let [largest, total]: [number, number] = [0, 0];
    const blobs: Blob[] = [];
    const writer = await Writer.open(async (bytes) => {
      largest = Math.max(largest, bytes.length);
      total += bytes.length;
      blobs.push(new Blob([bytes]));
    }, kit);
    await writer.write(aboutRecord(about));
    for (let i = 0; i < 2_000; i++) await writer.write(rowRecord({ ...row, path: `/${i}` }, photo));
    await writer.write(endRecord());
    await writer.end(unproven);
    expect(total).toBeGreaterThan(40_000_000);
    expect(largest).toBe((256 << 10) + 16);
    const file = new Blob(blobs);
    const asked: number[] = [];
    const source = { size: file.size, slice: (start: number, end: number) => (asked.push(end - start), file.slice(start, end)) };
    const head = await readHead(source);
    let count = 0;
    await readAll(chunksOf(source, head, await openKit(head.lock, secret)), async () => undefined, async () => void count++);
    expect(count).toBe(2_000);
    expect(Math.max(...asked)).toBeLessThanOrEqual((256 << 10) + 16);
  });
});
