/** The vectors that every implementation shares (conformance/vectors/README.md). */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { b64u, type Bytes, fromB64u } from "../../src/core/bytes.ts";
import { KithError } from "../../src/core/errors.ts";
import { readCard } from "../../src/core/pod/card.ts";
import { acceptKeysDocument, readKeysDocument } from "../../src/core/webid/agreement.ts";
import { acceptDeviceList, readDeviceList } from "../../src/core/webid/devices.ts";
import { confirmed } from "../../src/core/webid/acceptance.ts";
import { type Invite, readInvite } from "../../src/core/webid/invite.ts";
import { didOfJwk, jwkOf, type Label, labelOf, parseDid, pointOf, thumbprint } from "../../src/core/webid/key.ts";
import { readJoining } from "../../src/core/webid/joinlink.ts";
import { readPairing } from "../../src/core/webid/pairlink.ts";
import { linkKind } from "../../src/core/webid/mark.ts";
import { cursorKeyOf, readRelays, type SendName, sendOf, tokenOf } from "../../src/core/relay/settings.ts";
import { Refusal } from "../../src/core/webid/verdict.ts";
import { list, twelveWords } from "../../src/core/webid/words.ts";
import { answerJudges } from "../answer/judges.ts";
import { sealedJudges } from "../sealed/judges.ts";
import { type Judge, judgeAssertion, judgeContact, judgeProof, openAcceptance, Refused, type Vector } from "./judge.ts";

const folder = new URL("../../../conformance/vectors/", import.meta.url);

const bytes = (written: string): Bytes => {
  const read = fromB64u(written);
  if (read === undefined) throw new Error(`read vector: ${written} is no base64url`);
  return read;
};

/** For each file, what comes out of a case's inputs. */
const judges: Readonly<Record<string, Judge>> = {
  ...sealedJudges,
  ...answerJudges,
  "keys.json": async (_, text) => {
    const did = parseDid(text("did"));
    const { x, y } = jwkOf(did);
    return { point: Buffer.from(pointOf(did)).toString("hex"), x, y, thumbprint: await thumbprint(did), label: await labelOf(did) };
  },
  "jwks.json": async ({ jwk }) => ({ did: didOfJwk(jwk) }),
  "device-lists.json": async (_, text) => {
    const pinned = text("pinned") === "" ? undefined : await readDeviceList(text("pinned"));
    const holds = await acceptDeviceList(text("list"), pinned);
    const { label, gen, epoch, devices } = holds;
    return { holds: holds.text === text("list") ? "list" : "pinned", label, gen, epoch, devices };
  },
  "keys-documents.json": async ({ now }, text) => {
    const list = await readDeviceList(text("device_list"));
    const known = text("known") === "" ? undefined : { document: await readKeysDocument(text("known"), list), now: Number(now) * 1000 };
    const { serial, agree } = await acceptKeysDocument(text("keys"), list, known);
    return { serial, agree: agree.map(({ kid, device, key, until }) => ({ kid, device, did: key, until })) };
  },
  "assertions.json": async ({ now }, text) => ({ kid: await judgeAssertion(text("jwt"), text("issuer"), Number(now)) }),
  "proofs.json": async ({ now }, text) => {
    const asked = { method: text("method"), url: text("url"), token: text("token") };
    return { thumbprint: await judgeProof(text("proof"), asked, Number(now)) };
  },
  "contacts.json": (_, text) => judgeContact(text("url"), text("record")),
  "invite-links.json": async (_, text) => {
    const { label, ik, secret, id, name, pods, relays } = readInvite(text("link"));
    return { label, ik, secret: b64u(secret), id: b64u(id), inviter: name, pods, relays };
  },
  "pairing-links.json": async (_, text) => {
    if (linkKind(text("link")) === "pair") return { kind: "pair", ...readPairing(text("link")) };
    const { name, ...rest } = readJoining(text("link"));
    return { kind: "device", ...rest, person: name };
  },
  "acceptances.json": (_, text) => {
    const [ik, id, secret, body] = ["ik", "id", "secret", "body"].map((name) => bytes(text(name))) as [Bytes, Bytes, Bytes, Bytes];
    return openAcceptance({ ik, id, secret, body });
  },
  "confirmations.json": async (_, text) => {
    const invite = { label: text("label") as Label, id: bytes(text("id")) } as Invite;
    const { devices, keys, name, salt, ...rest } = await confirmed(invite, bytes(text("key")), bytes(text("body")));
    return { device_list: devices.text, keys: keys.text, person: name, salt: b64u(salt), ...rest };
  },
  "relays.json": async (_, text) => {
    const read = readRelays(text("text"));
    if (read === undefined) throw new KithError("bad-link", "read vector: no settings of relays");
    const { secret, hop, relays, old } = read;
    const [url, name] = [text("relay"), text("for") as SendName];
    const derived = { send: b64u(await sendOf(secret, url, name)), token: b64u(await tokenOf(secret, url, text("kid"))), cursor: b64u(await cursorKeyOf(secret)) };
    const past = old.map(({ secret: each, until, ...rest }) => ({ ...rest, secret: b64u(each), until }));
    return { secret: b64u(secret), hop, relays, old: past, ...derived };
  },
  "words.json": async ({ labels }) => {
    const [one, other] = labels as [Label, Label];
    return { words: (await twelveWords(one, other)).map((word) => list.indexOf(word)) };
  },
};

it("there is a judge for every file, and a file for every judge", () => {
  expect(readdirSync(folder).filter((name) => name.endsWith(".json")).sort()).toEqual(Object.keys(judges).sort());
});

describe.each(Object.entries(judges))("%s", (file, judge) => {
  const vectors = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as readonly Vector[];

  it.each(vectors.map((vector) => [vector.verdict, vector.name, vector] as const))("%s: %s", async (verdict, _, vector) => {
    const text = (name: string): string => {
      const value = vector[name];
      if (typeof value !== "string") throw new Error(`read vector: ${name} is no text`);
      return value;
    };
    const came = await judge(vector, text).then(
      (out) => ({ verdict: "success", out }),
      (error: unknown) => ({ verdict: verdictOf(error), out: {} }),
    );
    expect(came.verdict).toBe(verdict);
    if (verdict === "success") expect(told(vector, came.out)).toEqual(spelled(came.out));
  });
});

it("the app reads every contact record that the pod accepts and that is of a friend with keys", () => {
  const vectors = JSON.parse(readFileSync(new URL("contacts.json", folder), "utf8")) as readonly Vector[];
  const good = vectors.filter(({ verdict, label }) => verdict === "success" && label !== undefined);
  expect(good.length).toBeGreaterThan(2);
  for (const vector of good) {
    const { label, grant, accepts, ways, salt, muted, verified, blocked, note, name } = readCard(String(vector.record)) ?? {};
    const read = { label, grant, accepts, ways, salt, muted, verified, blocked, note, person: name };
    expect(told(vector, read)).toEqual(read);
  }
});

/** verdictOf returns the word for an error; what only has a code was not in the form that is required. */
function verdictOf(error: unknown): string {
  if (error instanceof Refusal || error instanceof Refused) return error.verdict;
  if (error instanceof KithError && ["keys-refused", "bad-link", "link-of-other-kind"].includes(error.code)) return "malformed";
  throw error;
}

/** told returns what a case says of the members that came out. The files leave empty members away, and spell an
 * empty list within a list null. */
function told(vector: Vector, out: object): object {
  const empty = (value: unknown): unknown => (typeof value === "string" ? "" : typeof value === "boolean" ? false : []);
  const said = Object.entries(out).map(([name, value]) => [name, vector[name] ?? empty(value)]);
  return JSON.parse(JSON.stringify(Object.fromEntries(said)), (_, value: unknown) => value ?? []) as object;
}

/** spelled returns what came out with times that equal their spellings as text. */
function spelled(out: object): object {
  const at = (time: number): unknown => expect.toSatisfy((written: unknown) => Date.parse(String(written)) === time);
  if ("relays" in out && "cursor" in out) return { ...out, relays: dated(out.relays, at), ...("old" in out && { old: dated(out.old, at) }) };
  if (!("agree" in out)) return out;
  return { ...out, agree: (out.agree as readonly { readonly until: number }[]).map((key) => ({ ...key, until: at(key.until) })) };
}

/** dated returns queues with times that equal their spellings. */
function dated(queues: unknown, at: (time: number) => unknown): unknown {
  const times = (queue: Readonly<Record<string, unknown>>): object => ({ ...queue, since: at(Number(queue.since)), ...("until" in queue && { until: at(Number(queue.until)) }) });
  return (queues as readonly Readonly<Record<string, unknown>>[]).map(times);
}
