import { describe, expect, it } from "vitest";
import { b64u, type Bytes, fromB64u, join, utf8 } from "../../src/core/bytes.ts";
import { generate, labelOf, type Label, pointOf } from "../../src/core/webid/key.ts";
import { makeJoining, readJoining } from "../../src/core/webid/joinlink.ts";
import { makeLink } from "../../src/core/webid/link.ts";
import { readPairing } from "../../src/core/webid/pairlink.ts";
import { linkKind } from "../../src/core/webid/mark.ts";
import { type Invite, makeInvite, readInvite } from "../../src/core/webid/invite.ts";
import { list, twelveWords } from "../../src/core/webid/words.ts";

const base = "https://kith.example/";
const pod = "https://pods.example/ana/";
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const json = (kind: "pair" | "device", value: unknown): string => makeLink(base, kind, utf8(JSON.stringify(value)));

async function invite(more: Partial<Invite> = {}): Promise<Invite> {
  const label = await labelOf((await generate("sign")).kid);
  return { label, ik: (await generate("agree")).kid, secret: random(16), id: random(16), name: "Zoë", pods: [pod], relays: [], ...more };
}

describe("invite links", () => {
  it("come back as they were made, and are short", async () => {
    const relays = [{ relay: "https://relay.example/", send: b64u(random(24)) }];
    for (const more of [{}, { name: "" }, { relays }, { pods: [], relays: [...relays, ...relays] }, { name: "n".repeat(24) }, { pods: [pod, "http://localhost:8420/ben/", pod] }]) {
      const made = await invite(more);
      const link = makeInvite(base, made);
      expect(readInvite(link)).toEqual(made);
      expect(readInvite(`  ${link}\n`)).toEqual(made);
      expect(linkKind(link)).toBe("invite");
      expect(link.length).toBeLessThanOrEqual(400);
    }
  });

  it("are refused when cut, lengthened, or of another version, and never read past their end", async () => {
    const link = makeInvite(base, await invite());
    const bytes = new Uint8Array(Buffer.from(link.split("=")[1] ?? "", "base64url"));
    const bad = (changed: Uint8Array<ArrayBuffer>) => expect(() => readInvite(makeLink(base, "invite", changed))).toThrow(expect.objectContaining({ code: "bad-link" }));
    for (let length = 0; length < bytes.length; length++) bad(bytes.slice(0, length));
    bad(join(bytes, Uint8Array.of(0)));
    bad(bytes.map((byte, i) => (i === 0 ? 2 : byte)));
    bad(bytes.map((byte, i) => (i === 33 ? 5 : byte)));
  });

  it("leave out ways that came later", async () => {
    const made = await invite({ pods: [] });
    const bytes = new Uint8Array(Buffer.from(makeInvite(base, made).split("=")[1] ?? "", "base64url"));
    const later = join(bytes.slice(0, -1), Uint8Array.of(2, 9, 3, 1, 2, 3, 1, pod.length), utf8(pod));
    expect(readInvite(makeLink(base, "invite", later)).pods).toEqual([pod]);
  });
});

describe("pairing and device links", () => {
  const pairing = { pod, issuer: "https://pods.example", secret: b64u(random(16)) };
  const counted = (part: string): Bytes => join(Uint8Array.of(utf8(part).length), utf8(part));
  const paired = (at = pod, ...more: readonly Bytes[]): string => makeLink(base, "pair", join(Uint8Array.of(1), fromB64u(pairing.secret) as Bytes, counted(at), ...more));

  it("come back as they were made", () => {
    expect(readPairing(paired(pod, Uint8Array.of(0)))).toEqual({ ...pairing, via: [] });
    const joining = { ...pairing, label: "a".repeat(52) as Label, name: "Ana", via: [] };
    expect(readJoining(makeJoining(base, joining))).toEqual(joining);
  });

  it("name relays and the key of a pod that is reached by them", async () => {
    const sealed = { via: [{ relay: "https://relay.example/", send: b64u(random(24)) }], ik: (await generate("agree")).kid };
    const relay = join(fromB64u(sealed.via[0]?.send ?? "") as Bytes, counted("https://relay.example/"));
    expect(readPairing(paired(pod, Uint8Array.of(1), pointOf(sealed.ik), relay))).toEqual({ ...pairing, ...sealed });
    const joining = { ...pairing, ...sealed, label: "a".repeat(52) as Label, name: "Ana" };
    expect(readJoining(makeJoining(base, joining))).toEqual(joining);
  });

  it("say when they are for something else, and when for nothing", async () => {
    const link = paired(pod, Uint8Array.of(0));
    expect(() => readInvite(link)).toThrow(expect.objectContaining({ code: "link-of-other-kind" }));
    expect(() => readJoining(link)).toThrow(expect.objectContaining({ code: "link-of-other-kind" }));
    for (const nothing of ["", base, `${base}#`, `${base}#x=AAAA`, `${base}#pair=`, `${base}#pair=é`, `${base}#i`]) {
      expect(linkKind(nothing)).toBe("unknown");
      expect(() => readPairing(nothing)).toThrow(expect.objectContaining({ code: "bad-link" }));
    }
  });

  it.each([
    ["another version", { v: 2 }],
    ["a short secret", { secret: b64u(random(15)) }],
    ["no secret", { secret: undefined }],
    ["a pod without its slash", { pod: "https://pods.example/ana" }],
    ["a pod with a query", { pod: "https://pods.example/?a/" }],
    ["a pod with an account", { pod: "https://a@pods.example/" }],
    ["a pod that is a script", { pod: "javascript:alert(1)/" }],
    ["a pod of another kind", { pod: 7 }],
    ["no issuer", { issuer: null }],
    ["relays and no key", { via: [{ relay: "https://relay.example/", send: b64u(random(24)) }] }],
    ["a send id that is too short", { via: [{ relay: "https://relay.example/", send: b64u(random(23)) }] }],
    ["a way that is two", { via: [{ ...pairing, relay: "https://relay.example/", send: b64u(random(24)) }] }],
  ])("are refused with %s", (_, change) => {
    const facts = { v: 1, ...pairing, label: "a".repeat(52), name: "Ana" };
    expect(readJoining(json("device", facts))).toMatchObject(pairing);
    expect(() => readJoining(json("device", { ...facts, ...change }))).toThrow(expect.objectContaining({ code: "bad-link" }));
  });
});

describe("the twelve words", () => {
  it("come from 256 words that cannot be taken for each other", () => {
    expect(list).toHaveLength(256);
    expect(new Set(list.map((word) => word.slice(0, 3))).size).toBe(256);
    for (const word of list) expect(word).toMatch(/^[a-z]{4,6}$/);
    for (const one of list) for (const other of list) if (one < other) expect(slips(one, other)).toBeGreaterThan(1);
  });

  it("are the same for both friends, and others for other friends", async () => {
    const labels = await Promise.all([1, 2, 3].map(async () => labelOf((await generate("sign")).kid)));
    const [a, b, c] = labels as [Label, Label, Label];
    const words = await twelveWords(a, b);
    expect(words).toHaveLength(12);
    expect(await twelveWords(b, a)).toEqual(words);
    expect(await twelveWords(a, c)).not.toEqual(words);
  });
});

/** slips returns the number of letters to change, add or drop between two words (Levenshtein). */
function slips(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + Number(one[i - 1] !== other[j - 1]));
    }
    row = next;
  }
  return row[other.length]!;
}
