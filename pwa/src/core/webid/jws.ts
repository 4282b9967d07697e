/** Compact JSON web signatures with ES256 (RFC 7515, RFC 7518 §3.4), and nothing else of JOSE. */

import { b64u, type Bytes, fromB64u, utf8 } from "../bytes.ts";
import type { Json } from "../json.ts";
import { parseObject } from "./members.ts";
import { type Did, parseDid, publicKey, type Signer } from "./key.ts";
import { Refusal } from "./verdict.ts";

const algorithm = { name: "ECDSA", hash: "SHA-256" };

/** sign returns the compact JWS of a payload under a header, which gets its `alg` here. */
export async function sign(key: CryptoKey, header: Json, payload: Json): Promise<string> {
  const signed = [{ alg: "ES256", ...header }, payload].map((part) => b64u(utf8(JSON.stringify(part)))).join(".");
  return `${signed}.${b64u(new Uint8Array(await crypto.subtle.sign(algorithm, key, utf8(signed))))}`;
}

/** signAs is `sign` with `typ` and the signer's name in the header. */
export function signAs(signer: Signer, typ: string, payload: Json): Promise<string> {
  return sign(signer.key, { typ, kid: signer.kid }, payload);
}

/** open returns what a JWS of that `typ` and of at most 8 KiB says and who signed it, after it has verified the
 * signature; throws a `Refusal`: malformed, wrong header, bad signature. */
export async function open(jws: string, typ: string): Promise<{ readonly payload: Json; readonly signer: Did }> {
  const parts = jws.length > 8 << 10 ? [] : jws.split(".");
  const [head, body, signature] = parts.map(fromB64u);
  if (parts.length !== 3 || !head || !body || signature?.length !== 64) throw new Refusal("malformed");
  const header = parseObject(head);
  const payload = parseObject(body);
  const signer = signerOf(header, typ);
  await verify(signer, signature, utf8(`${parts[0]}.${parts[1]}`));
  return { payload, signer };
}

/** signerOf allows alg, typ and kid and no other member: nothing may bring another key or meaning (RFC 8725 §3). */
function signerOf(header: Json, typ: string): Did {
  if (header.alg !== "ES256" || header.typ !== typ || Object.keys(header).length !== 3) throw new Refusal("wrong header");
  try {
    return parseDid(header.kid);
  } catch (cause) {
    throw new Refusal("wrong header", { cause });
  }
}

async function verify(signer: Did, signature: Bytes, signed: Bytes): Promise<void> {
  const key = await publicKey(signer, "sign");
  if (!(await crypto.subtle.verify(algorithm, key, signature, signed))) throw new Refusal("bad signature");
}
