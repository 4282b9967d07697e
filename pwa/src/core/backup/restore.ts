/**
 * A person comes back from a backup, on a browser that has nobody (docs/protocol.md, The recovery kit).
 *
 * The file is read to its end before anything is written, and the person is there with the last batch: what fails before
 * leaves an empty store. The device has keys of its own; the person key, which the kit brings, signs them into a new generation of the
 * device list and is forgotten.
 */

import { type Bytes, readText, sha256 } from "../bytes.ts";
import type { Env } from "../env.ts";
import { KithError } from "../errors.ts";
import type { BackupCourse, RestoreChoice } from "../kith.ts";
import { network } from "../loaded.ts";
import { relayCount } from "../pod/facts.ts";
import { devices as devicesPath, keys as keysPath } from "../pod/paths.ts";
import { putLists, type Lists } from "../pod/profile.ts";
import { Tree } from "../pod/tree.ts";
import { ownSalt, pairMac, sameSecret } from "../sealed/pair.ts";
import type { Store, Write } from "../store/store.ts";
import { type Person, personOf } from "../sync/session.ts";
import { renewSetting } from "../sync/waits.ts";
import { tellAll } from "../pod/letters.ts";
import { acceptKeysDocument, makeKeysDocument, nextSerial } from "../webid/agreement.ts";
import { nextDeviceList, readDeviceList } from "../webid/devices.ts";
import { type Did, generate } from "../webid/key.ts";
import { can, nameBeside } from "../webid/list.ts";
import { makeAgreementKey } from "../webid/person.ts";
import { Refusal } from "../webid/verdict.ts";
import { type About, type Entry, readAll } from "./content.ts";
import { BackupError } from "./failure.ts";
import { chunksOf, damaged, digested, type Head, proofOf, readHead, type Source } from "./file.ts";
import { type OpenedKit, openKit, readCode } from "./kit.ts";

/** restoredSetting holds when the backup was made from which this device came. */
export const restoredSetting = "restored";

/** Versions of this device come after all that the lost one can have written since the backup. */
const leap = 1 << 20;
/** A device list has room for 16 (docs/protocol.md, Keys and lists), and this device is one. */
const room = 15;
/** So much is written at once, in bytes and entries. */
const batch = { bytes: 4 << 20, entries: 200 };

/** restore brings the person of a file into an empty store. Rejects with a `BackupError`, or `already-started`. */
export async function restore(env: Env, store: Store, file: Source, code: string, choice: RestoreChoice, course: BackupCourse): Promise<void> {
  if (personOf(store) !== undefined) throw new KithError("already-started", "restore: there is somebody already");
  const secret = await readCode(code);
  const head = await readHead(file);
  const kit = await openKit(head.lock, secret);
  await proven(file, head, kit, { ...course, progress: (done) => course.progress(done, 2 * file.size) });
  try {
    await wipe(store);
    const about = await fill(store, file, head, kit, { ...course, progress: (done) => course.progress(file.size + done, 2 * file.size) });
    await enter(env, store, kit, about, choice);
  } catch (error) {
    await wipe(store);
    throw error;
  }
}

/** proven reads a file to its end, and asks whether a device of the person made it; throws `damaged`. */
async function proven(file: Source, head: Head, kit: OpenedKit, course: BackupCourse): Promise<void> {
  const texts = new Map<string, string>();
  let digest = await sha256(head.bytes);
  const about = await read(file, head, kit, course, async (entry) => {
    if ("put" in entry && entry.bytes !== null && [devicesPath, keysPath].includes(entry.put.path)) texts.set(entry.put.path, readText(entry.bytes) ?? "");
  }, async (chunk) => void (digest = await digested(digest, chunk)));
  try {
    const { devices, keys } = await listsOf(async (path) => texts.get(path), kit);
    const by = keys.agree.find(({ key, device }) => key === about.key && device === about.device);
    if (by === undefined || !can(devices, by.device, "post")) throw damaged();
    const mac = await pairMac(kit.reader.key, { key: by.key, salt: await ownSalt(kit.label) }, head.enc, digest);
    if (!sameSecret(mac, await proofOf(file))) throw damaged();
  } catch (error) {
    throw error instanceof Refusal ? damaged(error) : error;
  }
}

/** read reads a whole file; `each` gets its entries, `heard` its chunks. */
async function read(file: Source, head: Head, kit: OpenedKit, { signal, progress }: BackupCourse, each: (entry: Entry) => Promise<void>, heard: (chunk: Bytes) => Promise<void> = async () => undefined): Promise<About> {
  let about: About | undefined;
  const chunks = counted(chunksOf(file, head, kit), async (chunk, done) => {
    if (signal.aborted) throw new BackupError("stopped", "read backup: it was stopped");
    await heard(chunk);
    progress(done, file.size);
  });
  const told = async (found: About): Promise<void> => {
    if (found.label !== kit.label) throw damaged();
    about = found;
  };
  await readAll(chunks, told, each);
  return about as About;
}

async function* counted(chunks: AsyncIterable<Bytes>, tell: (chunk: Bytes, done: number) => Promise<void>): AsyncGenerator<Bytes> {
  let done = 0;
  for await (const chunk of chunks) {
    await tell(chunk, (done += chunk.length));
    yield chunk;
  }
}

/** fill writes all entries, a few at a time. */
async function fill(store: Store, file: Source, head: Head, kit: OpenedKit, course: BackupCourse): Promise<About> {
  let [writes, bytes]: [Write[], number] = [[], 0];
  const flush = async (): Promise<void> => {
    await store.apply(writes);
    [writes, bytes] = [[], 0];
  };
  const about = await read(file, head, kit, course, async (entry) => {
    const counter = "set" in entry && entry.set === "counter" ? Number(entry.value) + leap : undefined;
    writes.push(counter === undefined ? entry : { set: "counter", value: counter });
    bytes += "put" in entry ? (entry.bytes?.length ?? 0) : 0;
    if (bytes >= batch.bytes || writes.length >= batch.entries) await flush();
  });
  await flush();
  return about;
}

/** enter makes this browser a device of the person, in one batch with which they are here. */
async function enter(env: Env, store: Store, kit: OpenedKit, about: About, choice: RestoreChoice): Promise<void> {
  const device = await generate("sign");
  const tree = new Tree(store, env, device.kid);
  await env.keys.put(device.kid, device.key);
  const made: Did[] = [device.kid];
  try {
    const agree = await makeAgreementKey(env.keys, device.kid, env.now());
    made.push(agree.key);
    const before = await listsOf((path) => tree.text(path), kit);
    // A device of then may have been removed since, because it was stolen: only the one that made the backup, where it is at hand, and what
    // cannot post, such as pods, come back by themselves.
    const others = before.devices.devices.filter(({ kid, may }) => (kid === about.device ? !choice.shutOut : !may.includes("post"))).slice(0, room);
    // Whoever restores one file twice, or an older one, outranks the time before: what rises with the clock cannot be taken already.
    const minutes = Math.floor(env.now() / 60_000);
    const all = [...others, { kid: device.kid, name: nameBeside(others, env.deviceName), may: ["answer", "accept", "post", "admin"] as const }];
    const devices = await nextDeviceList({ ...before.devices, gen: Math.max(before.devices.gen, minutes) }, kit.person, all);
    const keys = await makeKeysDocument(devices, device, Math.max(nextSerial({ document: before.keys, now: env.now() }), minutes + 1), [...before.keys.agree, agree]);
    const { introduced } = await network();
    // Where there is no pod, nobody else tells them.
    const telling = store.get("pod") === undefined ? await introduced(tree, before, devices) : [];
    await tree.act("other", async (batch) => {
      await putLists(batch, { devices, keys });
      batch.writes.push(...telling);
      for (const write of tellAll({ store, env })) batch.writes.push(write);
      if (others.length < before.devices.devices.length && relayCount(store) > 0) batch.set(renewSetting, true);
      batch.set(restoredSetting, about.made);
      batch.set("backup/last", about.made);
      batch.set("me", { name: about.name, label: kit.label, device: device.kid, since: env.now() } satisfies Person);
    });
  } catch (error) {
    await Promise.all(made.map((name) => env.keys.remove(name)));
    throw error;
  }
}

/** listsOf returns the lists of the backup; throws `damaged` when they are not those of the kit's person. */
async function listsOf(textAt: (path: string) => Promise<string | undefined>, { label }: OpenedKit): Promise<Lists> {
  const [list, document] = await Promise.all([devicesPath, keysPath].map(textAt));
  if (list === undefined || document === undefined) throw damaged();
  const devices = await readDeviceList(list);
  if (devices.label !== label) throw damaged();
  return { devices, keys: await acceptKeysDocument(document, devices) };
}

/** wipe empties a store in which nobody lives; the key of its journal stays. */
async function wipe(store: Store): Promise<void> {
  const rows = [...store.rows("")].map(({ path }): Write => ({ erase: path }));
  const settings = store.names("").filter((name) => name !== "journal").map((name): Write => ({ unset: name }));
  if (rows.length + settings.length > 0) await store.apply([...rows, ...settings]);
}
