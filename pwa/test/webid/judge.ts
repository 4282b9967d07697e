/**
 * The judge's side of what the app makes: a pod verifies assertions, proofs, contact records and acceptances. The
 * app itself never does, so the rules are written a second time here, on the core's own primitives; the shared
 * vectors hold them to what the server says, and they hold the app to it.
 */

import { AEAD_AES_128_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_P256_HKDF_SHA256 } from "hpke";
import { b64u, type Bytes, fromB64u, hmac, join, sha256, utf8 } from "../../src/core/bytes.ts";
import type { Json } from "../../src/core/json.ts";
import { acceptKeysDocument } from "../../src/core/webid/agreement.ts";
import { acceptDeviceList, readDeviceList } from "../../src/core/webid/devices.ts";
import { type Did, didOfJwk, parseDid, publicKey, thumbprint } from "../../src/core/webid/key.ts";
import { isWebId, readWays } from "../../src/core/webid/link.ts";
import type { Way } from "../../src/core/webid/way.ts";
import { listOf, momentOf, numberOf, object, parseObject, textOf } from "../../src/core/webid/members.ts";

/** Vector is one case of a shared file. */
export type Vector = Readonly<Record<string, unknown>> & { readonly name: string; readonly verdict: string };

/** Judge returns what comes out of a case's inputs, or rejects with an error that has the verdict word. */
export type Judge = (vector: Vector, text: (name: string) => string) => Promise<object>;

/** Refused carries the verdict word. */
export class Refused extends Error {
  readonly verdict: string;
  constructor(verdict: string) {
    super(verdict);
    this.verdict = verdict;
  }
}

function ask(holds: boolean, otherwise: string): void {
  if (!holds) throw new Refused(otherwise);
}

interface Parts {
  readonly header: Json;
  readonly payload: Json;
  readonly verify: (key: Did) => Promise<void>;
}

function take(jws: string): Parts {
  const parts = jws.split(".");
  const [header, payload, signature] = parts.map(fromB64u);
  if (jws.length > 16384 || parts.length !== 3 || !header || !payload || signature?.length !== 64) throw new Refused("malformed");
  const verify = async (key: Did): Promise<void> => {
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    const signed = utf8(`${parts[0]}.${parts[1]}`);
    ask(await crypto.subtle.verify(algorithm, await publicKey(key, "sign"), signature, signed), "bad signature");
  };
  return { header: parseObject(header), payload: parseObject(payload), verify };
}

function keyOf(header: Json, typ: string, member: "kid" | "jwk"): Did {
  ask(header.alg === "ES256" && header.typ === typ && Object.keys(header).length === 3, "wrong header");
  try {
    return member === "kid" ? parseDid(header.kid) : didOfJwk(header.jwk);
  } catch {
    throw new Refused("wrong header");
  }
}

/** judgeAssertion judges a self-issued JWT as the token endpoint does; `now` in seconds. */
export async function judgeAssertion(jwt: string, issuer: string, now: number): Promise<Did> {
  const { header, payload, verify } = take(jwt);
  const kid = keyOf(header, "JWT", "kid");
  await verify(kid);
  const [iat, exp, aud] = [numberOf(payload, "iat", 0), numberOf(payload, "exp", 0), textOf(payload, "aud", 2048)];
  ask((fromB64u(textOf(payload, "jti", 256))?.length ?? 0) >= 16, "malformed");
  ask(["iss", "sub", "client_id"].every((name) => textOf(payload, name, 2048) === kid), "wrong subject");
  ask(aud === issuer, "wrong audience");
  ask(exp > iat && exp - iat <= 120 && iat <= now + 30 && exp > now, "not fresh");
  return kid;
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  /** The access token in the request, empty at the token endpoint. */
  readonly token: string;
}

/** judgeProof judges a DPoP proof without a nonce (RFC 9449 §4.3) and returns its key's thumbprint. */
export async function judgeProof(proof: string, { method, url, token }: Asked, now: number): Promise<string> {
  const { header, payload, verify } = take(proof);
  const key = keyOf(header, "dpop+jwt", "jwk");
  await verify(key);
  const [htm, htu, jti] = [textOf(payload, "htm", 32), textOf(payload, "htu", 16384), textOf(payload, "jti", 256)];
  const iat = numberOf(payload, "iat", 0);
  ask(jti !== "", "malformed");
  ask(htm === method, "wrong method");
  ask(address(htu) === address(url) && address(url) !== undefined, "wrong address");
  ask(token === "" || payload.ath === b64u(await sha256(token)), "wrong token");
  ask(iat >= now - 60 && iat <= now + 30, "not fresh");
  const jkt = await thumbprint(key);
  const bound = token === "" ? jkt : object(take(token).payload.cnf).jkt;
  ask(jkt === bound, "wrong token");
  return jkt;
}

/** address normalises a URL as far as RFC 3986 §6.2.2 and §6.2.3 go; undefined when it is none. */
function address(written: string): string | undefined {
  if (!/^https?:\/\/[^@/]+(\/|$)/i.test(written) || !URL.canParse(written)) return undefined;
  const { origin, pathname } = new URL(written);
  const plain = pathname.replace(/%[0-9a-f]{2}/gi, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : escape.toUpperCase();
  });
  return origin + plain;
}

/** judgeContact judges a contact record as the pod does that keeps it. */
export async function judgeContact(url: string, record: string): Promise<Json> {
  const cid = /\/contacts\/([a-z2-7]{20})\/card$/.exec(url)?.[1];
  ask(cid !== undefined && isWebId(url) && utf8(record).length <= 64 << 10, "malformed");
  const json = parseObject(record);
  const optional = (name: string, size: number): string => (name in json ? textOf(json, name, size) : "");
  const flag = (name: string): boolean => {
    const value = json[name] ?? (name in json ? undefined : false);
    ask(typeof value === "boolean", "malformed");
    return value === true;
  };
  ask(json.id === "#me" && json.type === "Person", "malformed");
  if ("kith:since" in json) momentOf(json, "kith:since");
  const salt = optional("kith:salt", 64);
  ask(salt === "" || fromB64u(salt)?.length === 32, "malformed");
  const accepts = listOf(json, "kith:accepts", 16).map(identifier);
  const ways = waysOf(json, "kith:ways");
  const facts = {
    ...{ id: `${url}#me`, cid, person: optional("name", 256), label: optional("kith:label", 52) },
    ...{ grant: numberOf(json, "kith:grant", 1), accepts, ways, salt, note: optional("kith:note", 8 << 10) },
    ...{ muted: flag("kith:muted"), verified: flag("kith:verified"), blocked: flag("kith:blocked") },
  };
  return { ...facts, devices: await pinned(optional("kith:devices", 32 << 10), optional("kith:keys", 8 << 10), facts.label) };
}

async function pinned(list: string, keys: string, label: string): Promise<readonly Did[]> {
  if (list === "") ask(keys === "" && label === "", "malformed");
  if (list === "") return [];
  const devices = await readDeviceList(list);
  ask(devices.label === label, "wrong label");
  if (keys !== "") await acceptKeysDocument(keys, devices);
  return devices.devices.map(({ kid }) => kid);
}

function identifier(value: unknown): string {
  ask(typeof value === "string", "malformed");
  const written = String(value);
  if (written.startsWith("did:")) parseDid(written);
  else ask(isWebId(written), "malformed");
  return written;
}

function waysOf(json: Json, name: string): readonly Way[] {
  try {
    return readWays(json, name);
  } catch {
    throw new Refused("malformed");
  }
}

const suite = new CipherSuite(KEM_DHKEM_P256_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_128_GCM);

export interface Sealed {
  /** The secret scalar of the invite's key. */
  readonly ik: Bytes;
  readonly id: Bytes;
  readonly secret: Bytes;
  readonly body: Bytes;
}

/** openAcceptance opens an acceptance as the inviter's pod does. */
export async function openAcceptance({ ik, id, secret, body }: Sealed): Promise<Json> {
  const privateKey = await suite.DeserializePrivateKey(ik, true);
  const { plain, confirm } = await opened(privateKey, id, body);
  const json = parseObject(plain);
  const [label, list, keys] = [textOf(json, "label", 52), textOf(json, "device_list", 32 << 10), textOf(json, "keys", 8 << 10)];
  const person = textOf(json, "name", 160);
  const ways = waysOf(json, "ways");
  const devices = await acceptDeviceList(list);
  const document = await acceptKeysDocument(keys, devices);
  ask(devices.label === label, "wrong label");
  const proof = await hmac(secret, join(utf8("kith accept 1"), await sha256(list)));
  ask(textOf(json, "proof", 64) === b64u(proof), "bad proof");
  const key = document.agree.find(({ kid }) => kid === json.agree);
  if (key === undefined) throw new Refused("bad binding");
  ask(textOf(json, "binding", 64) === b64u(await binding(privateKey, key.key, secret, proof)), "bad binding");
  return { label, device_list: list, keys, person, ways, confirm_key: b64u(confirm) };
}

async function opened(privateKey: CryptoKey, id: Bytes, body: Bytes): Promise<{ plain: Uint8Array; confirm: Uint8Array }> {
  try {
    const context = await suite.SetupRecipient(privateKey, body.slice(0, 65), { info: utf8("kith invite 1") });
    return { plain: await context.Open(body.slice(65), id), confirm: await context.Export(utf8("kith confirm 1"), 16) };
  } catch {
    throw new Refused("malformed");
  }
}

async function binding(invited: CryptoKey, agree: Did, salt: Bytes, proof: Bytes): Promise<Bytes> {
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: await publicKey(agree, "agree") }, invited, 256);
  const key = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt, info: utf8("kith binding 1") };
  return hmac(new Uint8Array(await crypto.subtle.deriveBits(hkdf, key, 256)), proof);
}

/** sealConfirmation seals the inviter's answer under the key that the acceptance gave. */
export async function sealConfirmation(confirmKey: Bytes, id: Bytes, content: Json): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", confirmKey, "AES-GCM", false, ["encrypt"]);
  const algorithm = { name: "AES-GCM", iv: new Uint8Array(12), additionalData: id };
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, key, utf8(JSON.stringify(content))));
}

/** scalarOf returns the secret scalar of an extractable key. */
export async function scalarOf(key: CryptoKey): Promise<Bytes> {
  return fromB64u((await crypto.subtle.exportKey("jwk", key)).d ?? "") ?? new Uint8Array(0);
}
