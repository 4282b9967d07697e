/**
 * Guest files: how a friend who has nothing but keys gets into a pod at a Solid server that is not ours
 * (protocol §1.5). The owner writes, below an address `G/` that nobody can guess, what such a server looks up
 * before it believes a token:
 *
 *     G/card                                the friend's WebID is G/card#me; it names G as its issuer
 *     G/.well-known/openid-configuration    of the issuer G: where its keys are
 *     G/jwks                                the friend's device keys
 *
 * Everybody may read what lies in `G/`, and nobody but the owner sees the container. The friend signs their
 * own tokens as that issuer. What they may do is said where it always is, in the access lists of the owner's
 * resources, by the name `G/card#me`.
 *
 * To shut a friend out, take that name out of the access lists first: servers keep an issuer's keys for some
 * minutes after the files are gone.
 */

import { b64u } from "../bytes.ts";
import { KithError } from "../errors.ts";
import { type Random, randomName } from "../ids.ts";
import { Failure } from "../ldp/errors.ts";
import { signAs } from "../webid/jws.ts";
import { type Did, jwkOf, type Signer, thumbprint } from "../webid/key.ts";
import { isWebId, podUrl } from "../webid/link.ts";
import { askedNonce, type Chance, dpop } from "../webid/proof.ts";

/** SolidFetch sends a request as somebody, as `fetch` does as nobody. */
export type SolidFetch = (url: string, init?: RequestInit) => Promise<Response>;

/** Guest is what the friend has to be told: the name they go by at that server, and who vouches for it. */
export interface Guest {
  /** `G/card#me`. */
  readonly webid: string;
  /** `G` without the slash at its end. */
  readonly issuer: string;
}

/** Host is the owner as that server knows them. */
export interface GuestHost {
  readonly webid: string;
  readonly fetch: SolidFetch;
}

/** A token holds this long, and is made anew a little before, in seconds. */
const life = 300;
const margin = 30;

/** guestFolder returns a new `G/` below a container of the owner's; its name holds 160 random bits. */
export function guestFolder(container: string, random: Random): string {
  return `${podUrl(container)}${randomName(random, 32)}/`;
}

/** guestAt returns the guest whose files lie in the folder `G/`; throws `bad-link` when it is no address of a container. */
export function guestAt(folder: string): Guest {
  return { webid: `${podUrl(folder)}card#me`, issuer: folder.slice(0, -1) };
}

/** admitGuest writes a friend's guest files into `G/`, or writes them again with other keys. It sets the access
 * list before there is anything to read. Rejects with a `Failure` at the first request that is refused. */
export async function admitGuest(host: GuestHost, folder: string, keys: readonly Did[]): Promise<Guest> {
  const guest = guestAt(folder);
  if (!isWebId(host.webid)) throw new KithError("bad-link", "admit guest: the owner has no WebID");
  await makeContainer(host, folder);
  await write(host, await listOf(host, folder), "text/turtle", guestACL(host.webid, folder));
  const jwks = keys.map((kid) => ({ ...jwkOf(kid), kid, use: "sig", alg: "ES256" }));
  await write(host, `${folder}jwks`, "application/json", JSON.stringify({ keys: jwks }));
  const configuration = { issuer: guest.issuer, jwks_uri: `${folder}jwks` };
  await write(host, `${folder}.well-known/openid-configuration`, "application/json", JSON.stringify(configuration));
  await write(host, `${folder}card`, "text/turtle", `<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <${guest.issuer}>.\n`);
  return guest;
}

/** dismissGuest removes the guest files. What is gone already is no failure. */
export async function dismissGuest(host: GuestHost, folder: string): Promise<void> {
  for (const name of ["card", ".well-known/openid-configuration", ".well-known/", "jwks", ""]) {
    const answer = await host.fetch(podUrl(folder) + name, { method: "DELETE" });
    if (!answer.ok && answer.status !== 404 && answer.status !== 410) throw refused(answer, "dismiss guest");
  }
}

/** guestFetch returns the friend's way in: requests with a token that they signed themself, and with proof
 * (protocol §1.5, RFC 9449). It follows no redirect, which the proof would not cover. */
export function guestFetch(guest: Guest, signer: Signer, { fetch, ...chance }: Chance & { readonly fetch: SolidFetch }): SolidFetch {
  let token: { readonly text: Promise<string>; readonly until: number } | undefined;
  const current = (): Promise<string> => {
    const seconds = Math.floor(chance.now() / 1000);
    if (token === undefined || seconds >= token.until) token = { text: guestToken(guest, signer, chance), until: seconds + life - margin };
    return token.text;
  };
  const attempt = async (url: string, init: RequestInit, nonce?: string): Promise<Response> => {
    const held = await current();
    const headers = new Headers(init.headers);
    headers.set("Authorization", `DPoP ${held}`);
    headers.set("DPoP", await dpop(signer, { method: init.method ?? "GET", url, token: held, nonce }, chance));
    return fetch(url, { ...init, headers, redirect: "manual" });
  };
  return async (url, init = {}) => {
    const answer = await attempt(url, init);
    const nonce = await askedNonce(answer);
    return nonce === undefined ? answer : attempt(url, init, nonce);
  };
}

/** guestToken returns an access token that the friend issues to themself, for any Solid server and bound to their key. */
async function guestToken({ webid, issuer }: Guest, signer: Signer, { now, random }: Chance): Promise<string> {
  const iat = Math.floor(now() / 1000);
  const who = { webid, sub: webid, iss: issuer, client_id: webid, azp: webid };
  return signAs(signer, "at+jwt", { ...who, aud: ["solid"], iat, exp: iat + life, jti: b64u(random(16)), cnf: { jkt: await thumbprint(signer.kid) } });
}

/** guestACL is the access list of `G/`: the owner's, and readable below for those who know the address (WAC §acl-default). */
function guestACL(owner: string, folder: string): string {
  return `@prefix acl: <http://www.w3.org/ns/auth/acl#>.

<#owner> a acl:Authorization;
  acl:agent <${owner}>;
  acl:accessTo <${folder}>; acl:default <${folder}>;
  acl:mode acl:Read, acl:Write, acl:Control.

<#files> a acl:Authorization;
  acl:agentClass <http://xmlns.com/foaf/0.1/Agent>;
  acl:default <${folder}>;
  acl:mode acl:Read.
`;
}

/** makeContainer makes a container unless it is there (Solid Protocol §writing-resources). */
async function makeContainer({ fetch }: GuestHost, url: string): Promise<void> {
  const there = await fetch(url, { method: "HEAD" });
  if (there.ok) return;
  const headers = { "Content-Type": "text/turtle", Link: '<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"', "If-None-Match": "*" };
  const answer = await fetch(url, { method: "PUT", headers, body: "" });
  if (!answer.ok) throw refused(answer, "make container");
}

/** listOf returns where a resource's access list is, which only the server can say (WAC §acl-resource-discovery). */
async function listOf({ fetch }: GuestHost, url: string): Promise<string> {
  const answer = await fetch(url, { method: "HEAD" });
  if (!answer.ok) throw refused(answer, "find access list");
  const links = (answer.headers.get("Link") ?? "").matchAll(/<([^<>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)/g);
  for (const [, target = "", parameters = ""] of links) {
    if (/;\s*rel\s*=\s*(?:"(?:[^"]*\s)?acl(?:\s[^"]*)?"|acl(?![\w-]))/i.test(parameters)) return new URL(target, url).href;
  }
  throw new Failure("not-taken", "find access list: the server names none", answer.status);
}

async function write({ fetch }: GuestHost, url: string, type: string, body: string): Promise<void> {
  const answer = await fetch(url, { method: "PUT", headers: { "Content-Type": type }, body });
  if (!answer.ok) throw refused(answer, "write guest files");
}

function refused({ status }: Response, what: string): Failure {
  return new Failure("not-taken", what, status);
}
