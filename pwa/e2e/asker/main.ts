// Runs in the app's own page, beside the app, as an attacker who has the phone would: it asks a pod with the
// key of this browser profile, and not only what the app would ask.

import { selfIssued, dpop } from "../../src/core/webid/proof.ts";
import { b64u } from "../../src/core/bytes.ts";
import type { Signer } from "../../src/core/webid/key.ts";
import { openKeyRecords } from "../../src/core/webid/records.ts";

/** Question is one request. `token` is what `token` returned; without it nothing is signed. */
export interface Question {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly token?: string;
}

/** Reply is the whole answer but its date; the body in base64url. */
export interface Reply {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

const chance = { now: Date.now, random: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };

/** signer returns this profile's device key: the one of its keys that may sign. */
async function signer(): Promise<Signer> {
  const records = await openKeyRecords("kith-keys");
  try {
    for (const kid of await records.names()) {
      const key = await records.get(kid);
      if (key?.usages.includes("sign") === true) return { kid, key };
    }
  } finally {
    records.close();
  }
  throw new Error("find key: this profile has none that signs");
}

/** token exchanges the device's signature for an access token to a pod (protocol §1.3). */
async function token(pod: string, issuer: string): Promise<string> {
  const own = await signer();
  const url = `${issuer}/token`;
  const body = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    resource: pod,
    subject_token: await selfIssued(own, issuer, chance),
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  });
  const answer = await fetch(url, { method: "POST", body, headers: { DPoP: await dpop(own, { method: "POST", url }, chance) } });
  const { access_token: issued } = (await answer.json()) as { access_token?: unknown };
  if (typeof issued !== "string") throw new Error(`exchange token: ${answer.status}`);
  return issued;
}

/** prove returns the headers with which one request is this profile's. */
async function prove(method: string, url: string, token: string): Promise<Record<string, string>> {
  return { Authorization: `DPoP ${token}`, DPoP: await dpop(await signer(), { method, url, token }, chance) };
}

async function ask({ method, url, headers = {}, body, token }: Question): Promise<Reply> {
  const proof = token === undefined ? {} : await prove(method, url, token);
  const answer = await fetch(url, { method, headers: { ...headers, ...proof }, cache: "no-store", redirect: "manual", ...(body === undefined ? {} : { body }) });
  return {
    status: answer.status,
    headers: [...answer.headers].filter(([name]) => name !== "date"),
    body: b64u(new Uint8Array(await answer.arrayBuffer())),
  };
}

/** asker is what the test finds on the page. */
const asker = { token, prove, ask };

export type Asker = typeof asker;

Object.assign(globalThis, { asker });
