/**
 * What a device signs to get in: the self-issued token that it exchanges for an access token
 * (protocol §1.3), and DPoP proofs (RFC 9449).
 */

import { b64u, type Bytes, sha256 } from "../bytes.ts";
import { sign, signAs } from "./jws.ts";
import { jwkOf, type Signer } from "./key.ts";

/** Time in milliseconds since the epoch, and random bytes. */
export interface Chance {
  readonly now: () => number;
  readonly random: (length: number) => Bytes;
}

/** selfIssued returns the subject token of a token exchange: this device itself says who it is. */
export function selfIssued(signer: Signer, issuer: string, { now, random }: Chance): Promise<string> {
  const iat = Math.floor(now() / 1000);
  const claims = { iss: signer.kid, sub: signer.kid, client_id: signer.kid, aud: issuer };
  return signAs(signer, "JWT", { ...claims, iat, exp: iat + 120, jti: b64u(random(16)) });
}

/** Proof is what a DPoP proof speaks about. */
export interface Proof {
  readonly method: string;
  readonly url: string;
  /** The access token that the request carries, if any. */
  readonly token?: string | undefined;
  /** What the server asked for by `use_dpop_nonce`; with it our clock no longer matters (RFC 9449 §8). */
  readonly nonce?: string | undefined;
}

/** dpop returns the proof for one request (RFC 9449 §4.2). */
export async function dpop(signer: Signer, { method, url, token, nonce }: Proof, { now, random }: Chance): Promise<string> {
  const [htu = ""] = url.split(/[?#]/);
  const claims = { jti: b64u(random(16)), htm: method, htu, iat: Math.floor(now() / 1000) };
  const more = { ...(token !== undefined && { ath: b64u(await sha256(token)) }), ...(nonce !== undefined && { nonce }) };
  return sign(signer.key, { typ: "dpop+jwt", jwk: jwkOf(signer.kid) }, { ...claims, ...more });
}

/** askedNonce returns the nonce that an answer demands for another try; undefined when it demands none
 * (RFC 9449 §8, §9). At a resource it stands in the challenge, at a token endpoint in the body. */
export async function askedNonce(answer: Response): Promise<string | undefined> {
  const nonce = answer.headers.get("DPoP-Nonce") ?? undefined;
  if (nonce === undefined || (answer.status !== 400 && answer.status !== 401)) return undefined;
  const said = (answer.headers.get("WWW-Authenticate") ?? "") + (await answer.clone().text());
  return said.includes("use_dpop_nonce") ? nonce : undefined;
}
