import { describe, expect, it } from "vitest";
import { b64u, type Bytes, join, utf8 } from "../../src/core/bytes.ts";
import { encodeRequest } from "../../src/core/sealed/bhttp.ts";
import { sealBody } from "../../src/core/sealed/chunks.ts";
import { ownSalt, pairMac } from "../../src/core/sealed/pair.ts";
import { openRequest, sealRequest } from "../../src/core/sealed/request.ts";
import { encapsulate } from "../../src/core/webid/hpke.ts";
import { generate, type Label } from "../../src/core/webid/key.ts";
import { asking, env, flipped, friends, now, opened, random, sealed, verdict } from "./people.ts";

const day = 86_400_000;

describe("a sealed request", () => {
  it("says to whom it is for what was asked, and by whom", async () => {
    const { sealing, opener, own, reader } = await friends();
    const headers = new Headers({ "Range": "bytes=0-9", "If-None-Match": '"1"', "Accept": "text/plain", "Cookie": "a=b", "Kith-Seen": "abc" });
    const reply = { relay: "https://relay.example/", send: random(24) };
    const { message, pending } = await sealRequest(env, { ...sealing, request: asking({ method: "PUT", path: "/social/in/a/b?c=%20", headers, body: utf8("hello") }), reply });
    const { request, peer, key, nonce, created, expires, reply: to, answering } = opened(await openRequest(opener, message));
    expect(request).toMatchObject({ method: "PUT", path: "/social/in/a/b?c=%20", body: utf8("hello") });
    expect([...request.headers]).toEqual([["if-none-match", '"1"'], ["kith-seen", "abc"], ["range", "bytes=0-9"]]);
    expect(peer?.key).toBe(reader.agree.kid);
    expect(key).toBe(own.kid);
    expect([nonce, b64u(answering.id)]).toEqual([pending.nonce, pending.id]);
    expect([created, expires]).toEqual([now - 750, now - 750 + 14 * day]);
    expect(to).toEqual(reply);
  });

  it("is opened by each of up to eight devices, whichever is awake", async () => {
    const { sealing, opener } = await friends();
    const devices = await Promise.all(Array.from({ length: 8 }, () => generate("agree")));
    for (const count of [1, 4, 5, 8]) {
      const message = await sealed({ ...sealing, to: devices.slice(0, count).map(({ kid: key }) => ({ key })) });
      expect(message[3]).toBe(count > 4 ? 8 : 4);
      for (const own of devices) expect(await verdict({ ...opener, keys: [own] }, message)).toBe(devices.indexOf(own) < count ? "success" : "no slot");
    }
    await expect(sealed({ ...sealing, to: [] })).rejects.toThrow(RangeError);
    await expect(sealed({ ...sealing, to: [...devices, ...devices].map(({ kid: key }) => ({ key })) })).rejects.toThrow(RangeError);
  });

  it("is opened by any of the keys that a device holds", async () => {
    const { sealing, opener, own } = await friends();
    const keys = [await generate("agree"), await generate("agree"), own];
    expect(opened(await openRequest({ ...opener, keys }, await sealed(sealing))).key).toBe(own.kid);
  });

  it.each([
    [0, 1 << 10], [100, 1 << 10], [300, 4 << 10], [4000, 16 << 10], [15_000, 16 << 10], [20_000, 1 << 16], [64_000, 1 << 16],
    [65_536, 2 << 16], [256 << 10, 5 << 16], [1 << 20, 17 << 16],
  ])("with a body of %i bytes has %i", async (length, size) => {
    const { sealing, opener } = await friends();
    const body = new Uint8Array(length).map((_, i) => i * 7);
    const message = await sealed({ ...sealing, request: asking({ method: "PUT", body }) });
    expect(message).toHaveLength(size);
    expect(Buffer.compare(opened(await openRequest(opener, message)).request.body, body)).toBe(0);
  });

  it("has no body of more than 1 MiB", async () => {
    const { sealing } = await friends();
    await expect(sealed({ ...sealing, request: asking({ body: new Uint8Array((1 << 20) + 1) }) })).rejects.toThrow(RangeError);
  });

  it("is sent again under the same nonce, and is another message", async () => {
    const { sealing, opener } = await friends();
    const first = await sealRequest(env, sealing);
    const nonce = random(16);
    const again = await Promise.all([1, 2].map(() => sealRequest({ ...env, now: () => now + 600_000 }, { ...sealing, nonce, expires: first.pending.expires })));
    const [one, two] = await Promise.all(again.map(async ({ message }) => opened(await openRequest(opener, message))));
    expect([one?.nonce, two?.nonce, one?.expires]).toEqual([b64u(nonce), b64u(nonce), now - 750 + 14 * day]);
    expect(again[0]?.message).not.toEqual(again[1]?.message);
  });

  it("to the key of an invite has it in its first slot", async () => {
    const { sealing, opener, own } = await friends();
    const invite = await generate("agree");
    const holder = { ...opener, keys: [await generate("agree")], invites: [await generate("agree"), invite] };
    const message = await sealed({ ...sealing, from: undefined, to: [{ key: invite.kid }] });
    expect(opened(await openRequest(holder, message)).key).toBe(invite.kid);
    expect(await verdict(holder, await sealed({ ...sealing, to: [{ key: own.kid }, { key: invite.kid }] }))).toBe("no slot");
  });

  it("of nobody names nobody, also where there is no person yet", async () => {
    const { sealing, opener } = await friends();
    const message = await sealed({ ...sealing, from: undefined });
    expect(opened(await openRequest(opener, message)).peer).toBeUndefined();
    expect(opened(await openRequest({ ...opener, label: undefined }, message)).peer).toBeUndefined();
    expect(await verdict({ ...opener, label: undefined }, await sealed(sealing))).toBe("misdirected");
  });

  it("goes between two devices of one person", async () => {
    const { label, own, sealing } = await friends();
    const other = await generate("agree");
    const salt = await ownSalt(label);
    const message = await sealed({ ...sealing, from: { label, kid: "phone", key: other.key, salt } });
    const find = async (of: Label): Promise<{ key: typeof other.kid; salt: Bytes } | undefined> => (of === label ? { key: other.kid, salt } : undefined);
    expect(opened(await openRequest({ now: env.now, label, keys: [own], find }, message)).peer?.key).toBe(other.kid);
  });
});

describe("a message gets no answer", () => {
  it("for another person, from a stranger, from somebody who only says who they are", async () => {
    const [one, other] = [await friends(), await friends()];
    const { sealing, opener, reader } = one;
    const from = { label: reader.label, kid: "2026-47", key: reader.agree.key, salt: reader.salt };
    expect(await verdict(opener, await sealed({ ...sealing, label: other.label }))).toBe("misdirected");
    expect(await verdict(opener, await sealed({ ...sealing, from: { ...from, label: other.reader.label } }))).toBe("unknown sender");
    expect(await verdict(opener, await sealed({ ...sealing, from: { ...from, kid: "2026-46" } }))).toBe("unknown sender");
    expect(await verdict(opener, await sealed({ ...sealing, from: { ...from, key: other.reader.agree.key } }))).toBe("bad mac");
    expect(await verdict(opener, await sealed({ ...sealing, from: { ...from, salt: random(32) } }))).toBe("bad mac");
    expect(await verdict({ ...opener, keys: [] }, await sealed(sealing))).toBe("no slot");
  });

  it("with clocks off by an hour it does, by ten years it does not", async () => {
    const { sealing, opener } = await friends();
    const message = await sealed(sealing);
    const at = (ahead: number): Promise<string> => verdict({ ...opener, now: () => now + ahead }, message);
    expect(await Promise.all([0, -3_600_000, 3_600_000, 13 * day].map(at))).toEqual(["success", "success", "success", "success"]);
    expect(await Promise.all([-3_602_000, -3650 * day].map(at))).toEqual(["future-dated", "future-dated"]);
    expect(await Promise.all([14 * day, 3650 * day].map(at))).toEqual(["expired", "expired"]);
  });

  it("that lives for more than 14 days, or ends before it begins", async () => {
    const { sealing, opener } = await friends();
    for (const expires of [now + 15 * day, now - day, now - 750]) expect(await verdict(opener, await sealed({ ...sealing, expires }))).toBe("malformed");
  });

  it("of which one bit was flipped, anywhere", async () => {
    const { sealing, opener } = await friends();
    const message = await sealed({ ...sealing, to: [...sealing.to, ...sealing.to, ...sealing.to, ...sealing.to] });
    const positions = [0, 1, 2, 3, 4, 5, 40, 68, 69, 100, 132, 133, 262, 519, 520, 521, 700, 1006, 1007, 1023];
    for (const at of positions) expect(await verdict(opener, flipped(message, at))).not.toBe("success");
  });

  it("that was cut off, drawn out, or is none", async () => {
    const { sealing, opener } = await friends();
    const message = await sealed({ ...sealing, request: asking({ body: random(60_000) }) });
    for (const length of [0, 1, 3, 4, 500, 520, 1000, 4096, 16_384, 65_535]) expect(await verdict(opener, message.slice(0, length))).not.toBe("success");
    expect(await verdict(opener, join(message, new Uint8Array(65_536)))).toBe("damaged");
    expect(await verdict(opener, new Uint8Array(18 << 16))).toBe("oversize");
    expect(await verdict(opener, random(1024).fill(2, 0, 1))).toBe("other version");
    expect(await verdict(opener, random(1024).fill(1, 0, 3))).toBe("unknown suite");
    expect(await verdict(opener, Uint8Array.of(1, 0, 1, 5, ...random(1020)))).toBe("malformed");
  });

  it("that is put together from two", async () => {
    const { sealing, opener } = await friends();
    const [one, other] = [await sealed({ ...sealing, request: asking({ body: new Uint8Array(150_000) }) }), await sealed({ ...sealing, request: asking({ body: new Uint8Array(150_000) }) })];
    expect(await verdict(opener, join(one.slice(0, 520), other.slice(520)))).toBe("damaged");
    const [first, second] = [520 + 65_552, 520 + 2 * 65_552];
    expect(await verdict(opener, join(one.slice(0, first), other.slice(first, second), one.slice(second)))).toBe("damaged");
    expect(await verdict(opener, join(one.slice(0, 520), one.slice(first, second), one.slice(520, first), one.slice(second)))).toBe("damaged");
    expect(await verdict(opener, join(one.slice(0, first), one.slice(second), new Uint8Array(16)))).not.toBe("success");
  });
});

it("a transcript that its recipient made with its own keys alone is accepted like one of the sender: it proves nothing to others", async () => {
  const { opener, own, reader } = await friends();
  const inner = encodeRequest({
    method: "GET",
    scheme: "https",
    authority: `${opener.label}.kith.invalid`,
    path: "/social/never-asked",
    fields: [["kith-from", `${reader.label} 2026-47`], ["kith-created", "2026-11-22T20:00:00Z"], ["kith-expires", "2026-11-23T20:00:00Z"], ["kith-nonce", b64u(random(16))]],
    body: new Uint8Array(0),
  });
  const content = random(16);
  const { enc, seal } = await encapsulate(own.kid, utf8("kith request 1"));
  // Of the sender the recipient has a public key and the salt; no private key of the sender is used here.
  const mac = await pairMac(own.key, { key: reader.agree.kid, salt: reader.salt }, enc, inner);
  const slot = join(enc, await seal(join(content, mac), Uint8Array.of(1, 0, 1, 4, 0)));
  const forged = await sealBody({ key: content, nonce: new Uint8Array(12) }, join(Uint8Array.of(1, 0, 1, 4), slot, random(3 * slot.length)), inner);
  const { request, peer } = opened(await openRequest(opener, forged));
  expect([request.path, peer?.key]).toEqual(["/social/never-asked", reader.agree.kid]);
});
