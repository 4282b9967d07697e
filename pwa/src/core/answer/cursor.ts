/**
 * Cursors: where one agent stands, sealed so that they tell nothing and cannot be made elsewhere. The person's pod and phones
 * make and read the same kind (docs/protocol.md, Cursors).
 *
 *     plain    who 16 | maker 8 | day u32 | seen 16 × (device 8 | counter u64) | seq u64 | length u8 | epoch, zeros up to 55
 */

import { b64u, type Bytes, fromB64u, hmac, join, same, sha256, utf8 } from "../bytes.ts";
import type { Version } from "../store/store.ts";
import { type Agent, idsOf } from "./judge.ts";
import { Refusal } from "./refusal.ts";

/** Seen is for each device, by the first 8 bytes of its digest in base64url, the highest counter of which an agent was told. */
export type Seen = ReadonlyMap<string, number>;

/** Position is what a cursor says; `maker` and the devices as cursors name them, in base64url. */
export interface Position {
  readonly maker: string;
  /** Days since 1970. */
  readonly day: number;
  readonly seen: Seen;
  /** The maker's own; a phone's are 0 and "". */
  readonly seq: number;
  readonly epoch: string;
}

const size = { who: 16, maker: 8, device: 8, nonce: 12, plain: 348, tag: 16 };
const at = { maker: 16, day: 24, seen: 28, seq: 284, length: 292, epoch: 293 };
const maxDevices = 16;
/** A cursor is good for so many days. */
const keepDays = 80;

/** Cursors makes and reads the cursors of one person's feed, on one device. */
export class Cursors {
  readonly #seal: CryptoKey;
  readonly #nonce: Bytes;
  readonly #maker: Bytes;
  readonly #now: () => number;

  private constructor(seal: CryptoKey, nonce: Bytes, maker: Bytes, now: () => number) {
    this.#seal = seal;
    this.#nonce = nonce;
    this.#maker = maker;
    this.#now = now;
  }

  /** open derives the keys from the one that the person's responders share; `device` is this one. */
  static async open(key: Bytes, device: string, now: () => number): Promise<Cursors> {
    const secret = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
    const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: utf8("kith cursor 2") };
    const keys = new Uint8Array(await crypto.subtle.deriveBits(hkdf, secret, 512));
    const seal = await crypto.subtle.importKey("raw", keys.slice(0, 32), "AES-GCM", false, ["encrypt", "decrypt"]);
    return new Cursors(seal, keys.slice(32), fromB64u(await deviceKey(device)) ?? keys, now);
  }

  /** seal returns the cursor of an agent who was told of all that. */
  async seal(agent: Agent, seen: Seen): Promise<string> {
    const plain = new Uint8Array(size.plain);
    const view = new DataView(plain.buffer);
    plain.set(await whoOf(agent), 0);
    plain.set(this.#maker, at.maker);
    view.setUint32(at.day, this.#day);
    newest(seen).forEach(([device, counter], i) => {
      plain.set(fromB64u(device) ?? new Uint8Array(0), at.seen + 16 * i);
      view.setBigUint64(at.seen + 16 * i + 8, BigInt(counter));
    });
    const subject = await subjectOf(agent);
    const nonce = (await hmac(this.#nonce, join(subject, plain))).slice(0, size.nonce);
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData: subject }, this.#seal, plain);
    return b64u(join(nonce, new Uint8Array(sealed)));
  }

  /** read returns what an agent's cursor says; throws a `Refusal`: cursor when it is none, gone when the agent must list anew. */
  async read(agent: Agent, cursor: string): Promise<Position> {
    const sealed = cursor === "" ? undefined : fromB64u(cursor);
    if (sealed === undefined) throw new Refusal("cursor");
    if (sealed.length !== size.nonce + size.plain + size.tag) throw new Refusal("gone");
    const additionalData = await subjectOf(agent);
    const algorithm = { name: "AES-GCM", iv: sealed.slice(0, size.nonce), additionalData };
    const opened = await crypto.subtle.decrypt(algorithm, this.#seal, sealed.slice(size.nonce)).catch(() => undefined);
    if (opened === undefined) throw new Refusal("gone");
    const plain = new Uint8Array(opened);
    const view = new DataView(opened);
    const day = view.getUint32(at.day);
    if (!same(plain.subarray(0, size.who), await whoOf(agent)) || this.#day - day > keepDays || day > this.#day + 1) throw new Refusal("gone");
    const seen = Array.from({ length: maxDevices }, (_, i) => at.seen + 16 * i).map((start): [string, number] => [
      b64u(plain.subarray(start, start + size.device)),
      Number(view.getBigUint64(start + size.device)),
    ]);
    return {
      maker: b64u(plain.subarray(at.maker, at.day)), day, seen: new Map(seen.filter(([, counter]) => counter > 0)),
      seq: Number(view.getBigUint64(at.seq)), epoch: new TextDecoder().decode(plain.subarray(at.epoch, at.epoch + view.getUint8(at.length))),
    };
  }

  get #day(): number {
    return Math.floor(this.#now() / 86_400_000);
  }
}

/** newest returns the entries as a cursor has them: the highest counters where there are too many, in the order of the devices. */
function newest(seen: Seen): readonly (readonly [string, number])[] {
  const highest = [...seen].sort(([, a], [, b]) => b - a).slice(0, maxDevices);
  const order = (key: string): string => String.fromCharCode(...(fromB64u(key) ?? []));
  return highest.sort(([a], [b]) => (order(a) < order(b) ? -1 : 1));
}

/** deviceKey returns how cursors name a device. */
export async function deviceKey(device: string): Promise<string> {
  return b64u((await sha256(device)).subarray(0, size.device));
}

/** Counted is a version as cursors have it. */
export interface Counted {
  readonly device: string;
  readonly counter: number;
}

/** Counter names devices as cursors do, each once. */
export class DeviceKeys {
  readonly #keys = new Map<string, string>();

  /** of returns a version with its device as cursors name it. */
  async of({ device, counter }: Version): Promise<Counted> {
    const key = this.#keys.get(device) ?? (await deviceKey(device));
    this.#keys.set(device, key);
    return { device: key, counter };
  }
}

/** covers tells whether an agent who has seen that was told of a version; nobody is told of those that nobody wrote. */
export function covers(seen: Seen, { device, counter }: Counted): boolean {
  return counter === 0 || (seen.get(device) ?? 0) >= counter;
}

/** including returns what is seen when further versions are told. */
export function including(seen: Seen, versions: Iterable<Counted>): Seen {
  const all = new Map(seen);
  for (const { device, counter } of versions) if (counter > (all.get(device) ?? 0)) all.set(device, counter);
  return all;
}

async function subjectOf(agent: Agent): Promise<Bytes> {
  return sha256(idsOf("", agent)[0] ?? "");
}

async function whoOf(agent: Agent): Promise<Bytes> {
  const grant = agent.kind === "contact" ? agent.grant : 0;
  return (await sha256([String(grant), ...idsOf("", agent)].join("\n"))).slice(0, size.who);
}
