/** Judges of the shared vectors of sealed requests. */

import { createECDH } from "node:crypto";
import { b64u, type Bytes, fromB64u, join } from "../../src/core/bytes.ts";
import { openAnswer } from "../../src/core/sealed/answer.ts";
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "../../src/core/sealed/bhttp.ts";
import type { Pair } from "../../src/core/sealed/pair.ts";
import { type Opener, openRequest, type Pending } from "../../src/core/sealed/request.ts";
import { didOf, jwkOf, type Label, parseDid, type Signer } from "../../src/core/webid/key.ts";
import { type Judge, Refused, type Vector } from "../webid/judge.ts";

/** bytes reads base64url. */
function bytes(written: string): Bytes {
  const read = fromB64u(written);
  if (read === undefined) throw new Error(`read vector: ${written} is no base64url`);
  return read;
}

/** signer returns a private agreement key from its scalar. */
async function signer(scalar: string): Promise<Signer> {
  const pair = createECDH("prime256v1");
  pair.setPrivateKey(bytes(scalar));
  const kid = didOf(new Uint8Array(pair.getPublicKey(null, "compressed")));
  const key = await crypto.subtle.importKey("jwk", { ...jwkOf(kid), d: scalar }, { name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
  return { kid, key };
}

/** Known is what a vector says of somebody. */
export interface Known extends Pair {
  readonly from: string;
  readonly as: string;
}

/** place returns the opener that a vector describes. */
export async function place({ label, now, keys, people }: Vector): Promise<Opener<Known>> {
  const known = ((people ?? []) as readonly { label: string; kid: string; did: string; salt: string; as: string }[]).map(({ label: of, kid, did, salt, as }) => ({
    from: `${of} ${kid}`,
    as,
    key: parseDid(did),
    salt: bytes(salt),
  }));
  return {
    now: () => Number(now) * 1000,
    label: label === "" ? undefined : (label as Label),
    keys: await Promise.all((keys as readonly string[]).map(signer)),
    find: async (of, kid) => known.find(({ from }) => from === `${of} ${kid}`),
  };
}

/** withZeros returns bytes and so many zeros. */
function withZeros({ zeros }: Vector, written: string): Bytes {
  return join(bytes(written), new Uint8Array(Number(zeros ?? 0)));
}

/** lines returns headers as the vectors spell them. */
function lines(headers: Headers): readonly (readonly [string, string])[] {
  return [...headers].map(([name, value]) => [name, Buffer.from(value, "latin1").toString()] as const);
}

/** reading gives what a decoder throws the word of the vectors. */
function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new Refused("malformed");
    throw error;
  }
}

/** What the app leaves out is not compared: informational responses and trailers. */
function known(vector: Vector, written: Bytes): object {
  return "interim" in vector || "trailer" in vector ? {} : { known: b64u(written) };
}

export const sealedJudges: Readonly<Record<string, Judge>> = {
  "bhttp.json": async (vector, text) => {
    const message = bytes(text("message"));
    if (text("kind") === "response") {
      const response = reading(() => decodeResponse(message));
      return { status: response.status, header: response.fields, content: b64u(response.body), ...known(vector, encodeResponse(response)) };
    }
    const { fields, body, ...control } = reading(() => decodeRequest(message));
    return { ...control, header: fields.map(([name, value]) => [name, Buffer.from(value, "latin1").toString()]), content: b64u(body), ...known(vector, encodeRequest({ ...control, fields, body })) };
  },
  "sealed-messages.json": async (vector, text) => {
    const opened = await openRequest(await place(vector), withZeros(vector, text("message")));
    if ("declined" in opened) throw new Refused(opened.declined);
    const { request: { method, path, headers, body }, peer, reply, expires, answering: { id, enc, secret } } = opened;
    return {
      from: peer?.from ?? "",
      as: peer?.as ?? "anonymous",
      method,
      path,
      header: lines(headers),
      content: b64u(body),
      reply: reply === undefined ? "" : `${reply.relay}s/${b64u(reply.send)} ${b64u(id)}`,
      expires: new Date(expires).toISOString().replace(".000Z", "Z"),
      enc: b64u(enc),
      secret: b64u(secret),
    };
  },
  "sealed-answers.json": async (vector, text) => {
    const slots = vector["slots"] as Pending["slots"];
    const came = await openAnswer({ id: text("id"), slots }, withZeros(vector, text("answer")));
    if (came === undefined) throw new Refused("no answer");
    const { status, headers, bytes: content } = came;
    return { by: headers.get("Kith-By") ?? "", status, header: lines(headers), content: b64u(content) };
  },
};
