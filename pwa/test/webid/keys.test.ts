import { describe, expect, it } from "vitest";
import { b64u, base32, base58, type Bytes, fromB64u, fromBase32, fromBase58, join, utf8 } from "../../src/core/bytes.ts";
import { acceptKeysDocument, makeKeysDocument } from "../../src/core/webid/agreement.ts";
import { acceptDeviceList, firstDeviceList, nextDeviceList, readDeviceList } from "../../src/core/webid/devices.ts";
import { can, type Device } from "../../src/core/webid/list.ts";
import { compressed, didOf, didOfJwk, generate, jwkOf, labelOf, parseDid, pointOf, type Signer, whole } from "../../src/core/webid/key.ts";
import { makePerson } from "../../src/core/webid/person.ts";
import { memoryKeyRecords, signerOf } from "../../src/core/webid/records.ts";

const bytes = (...list: number[]): Bytes => Uint8Array.of(...list);
const device = (signer: Signer, ...may: Device["may"]): Device => ({ kid: signer.kid, name: "Phone", may });
const refused = (verdict: string) => ({ code: "keys-refused", verdict });

describe("bytes in text", () => {
  it("round-trips every length and reads only what it writes", () => {
    for (let length = 0; length < 40; length++) {
      const some = crypto.getRandomValues(new Uint8Array(length));
      expect(fromB64u(b64u(some))).toEqual(some);
      expect(b64u(some)).toBe(Buffer.from(some).toString("base64url"));
      expect(fromBase32(base32(some))).toEqual(some);
      expect(fromBase58(base58(some), length)).toEqual(some);
    }
    expect(base32(utf8("foobar"))).toBe("mzxw6ytboi");
    expect(base58(bytes(0, 0, 40, 127, 180, 205))).toBe("11233QC4");
    for (const bad of ["a", "aa==", "a+b/", "AB", "é", "aa\n", "AAAAA"]) expect(fromB64u(bad)).toBeUndefined();
    for (const bad of ["a", "A4", "ab", "ga======", "mz1"]) expect(fromBase32(bad)).toBeUndefined();
    for (const bad of ["0", "l", "", "zzzz", "1"]) expect(fromBase58(bad, 2)).toBeUndefined();
  });

  it("keeps leading zeros apart", () => {
    expect(fromBase58("11", 2)).toEqual(bytes(0, 0));
    expect(fromBase58("111", 2)).toBeUndefined();
  });
});

describe("keys", () => {
  it("spells the key of every new pair as WebCrypto does", async () => {
    for (let i = 0; i < 30; i++) {
      const { kid, key } = await generate("sign", true);
      const { x, y } = await crypto.subtle.exportKey("jwk", key);
      expect(jwkOf(kid)).toEqual({ kty: "EC", crv: "P-256", x, y });
      expect(didOfJwk({ kty: "EC", crv: "P-256", x, y })).toBe(kid);
      expect(kid).toMatch(/^did:key:zDn/);
      expect(parseDid(kid)).toBe(kid);
    }
  });

  it("gives private keys that no script can export", async () => {
    for (const use of ["sign", "agree"] as const) {
      const { key } = await generate(use);
      expect(key.extractable).toBe(false);
      await expect(crypto.subtle.exportKey("pkcs8", key)).rejects.toThrow();
    }
  });

  it("refuses points that are not on the curve, in every spelling", async () => {
    const { kid } = await generate("sign");
    const point = whole(pointOf(kid));
    const off = point.slice();
    off[64]! ^= 2;
    const jwk = jwkOf(kid);
    const refusals = [
      () => compressed(off),
      () => compressed(point.subarray(1)),
      () => whole(join(bytes(2), new Uint8Array(32).fill(255))),
      () => whole(join(bytes(4), point.subarray(1, 33))),
      () => didOfJwk({ ...jwk, y: jwk.x }),
      () => didOfJwk({ ...jwk, crv: "P-384" }),
      () => didOfJwk({ ...jwk, d: jwk.x }),
      () => didOfJwk({ ...jwk, x: `${jwk.x}=` }),
      () => didOfJwk(null),
      () => parseDid("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"),
      () => parseDid(didOf(join(bytes(4), point.subarray(1, 33)))),
      () => parseDid(kid.slice(0, -1)),
      () => parseDid(`${kid}#${kid}`),
      () => parseDid(7),
    ];
    for (const refusal of refusals) expect(refusal).toThrow(expect.objectContaining({ code: "keys-refused" }));
  });
});

describe("a person", () => {
  it("is made with two lists that hold, and keys that are kept one a record", async () => {
    const records = memoryKeyRecords();
    const { devices, keys, device, recovery } = await makePerson(records, "Phone", Date.UTC(2026, 10, 22));
    expect(await readDeviceList(devices.text)).toEqual(devices);
    expect(await acceptKeysDocument(keys.text, devices)).toEqual(keys);
    expect(devices).toMatchObject({ gen: 1, epoch: 1, prev: "", devices: [{ kid: device, name: "Phone" }] });
    expect(devices.label).toBe(await labelOf(devices.person));
    expect(keys.agree).toMatchObject([{ device, until: Date.UTC(2026, 11, 14) }]);
    expect(await records.names()).toEqual([device, keys.agree[0]?.key]);
    const person = await crypto.subtle.importKey("pkcs8", recovery, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    const next = await nextDeviceList(devices, { kid: devices.person, key: person }, devices.devices);
    expect(next).toMatchObject({ gen: 2, epoch: 1 });
    await expect(signerOf(records, devices.person)).rejects.toMatchObject({ code: "storage-unavailable" });
  });
});

describe("device lists", () => {
  const world = async () => {
    const [person, phone, pod, stranger] = await Promise.all([1, 2, 3, 4].map(() => generate("sign")));
    if (!person || !phone || !pod || !stranger) throw new Error("make keys");
    const first = await firstDeviceList(person, [device(phone, "admin"), device(pod, "answer", "accept")]);
    return { person, phone, pod, stranger, first };
  };

  it("go on by an admin, and by the person key", async () => {
    const { person, phone, pod, stranger, first } = await world();
    const second = await nextDeviceList(first, phone, [device(phone, "admin"), device(stranger, "admin")]);
    const third = await nextDeviceList(second, stranger, [device(stranger, "admin")]);
    const anew = await nextDeviceList(first, person, [device(pod, "admin")]);
    expect(second).toMatchObject({ gen: 1, epoch: 2, label: first.label });
    expect(await acceptDeviceList(second.text, first)).toEqual(second);
    expect(await acceptDeviceList(third.text, second)).toEqual(third);
    expect(await acceptDeviceList(anew.text, third)).toEqual(anew);
    expect(await acceptDeviceList(third.text)).toEqual(third);
    expect(can(anew, pod.kid, "admin") && !can(anew, pod.kid, "post") && !can(anew, phone.kid, "admin")).toBe(true);
  });

  it("go on by an admin whom a list between named, and only by such a one", async () => {
    const { phone, stranger, first } = await world();
    const second = await nextDeviceList(first, phone, [device(phone, "admin"), device(stranger, "admin")]);
    const third = await nextDeviceList(second, phone, [device(phone, "admin")]);
    const other = await nextDeviceList(second, stranger, [device(stranger, "admin")]);
    for (const each of [third, other]) expect(await acceptDeviceList(each.text, first)).toEqual(each);
    await expect(nextDeviceList(third, stranger, [])).rejects.toMatchObject(refused("not signed by an admin"));
  });

  it("are refused with the word that says why", async () => {
    const { phone, pod, stranger, first } = await world();
    const second = await nextDeviceList(first, phone, [device(phone, "admin")]);
    const twin = await nextDeviceList(first, phone, [device(phone, "admin", "post")]);
    const theirs = await firstDeviceList(stranger, [device(stranger, "admin")]);
    await expect(acceptDeviceList(first.text, second)).rejects.toMatchObject(refused("stale"));
    await expect(acceptDeviceList(twin.text, second)).rejects.toMatchObject(refused("same epoch, different list"));
    await expect(acceptDeviceList(theirs.text, first)).rejects.toMatchObject(refused("wrong label"));
    await expect(nextDeviceList(first, pod, [])).rejects.toMatchObject(refused("not signed by an admin"));
    const [head, body, signature] = second.text.split(/[.~]/);
    const flipped = `${head}.${body}.${signature?.startsWith("A") ? "B" : "A"}${signature?.slice(1)}~${first.text}`;
    await expect(acceptDeviceList(flipped, first)).rejects.toMatchObject(refused("bad signature"));
    for (const bad of ["", "..", `${head}.${body}`, `${second.text}.`, `${second.text}=`, " ".repeat(9000), " ".repeat(33_000)]) {
      await expect(acceptDeviceList(bad, first)).rejects.toMatchObject(refused("malformed"));
    }
  });

  it("keep what is pinned when the same list comes with another signature", async () => {
    const { phone, first } = await world();
    const once = await nextDeviceList(first, phone, [device(phone, "admin")]);
    const again = await nextDeviceList(first, phone, [device(phone, "admin")]);
    expect(again.text).not.toBe(once.text);
    expect(await acceptDeviceList(again.text, once)).toBe(once);
  });

  it("take at most 16 devices, each once, with names of at most 64 bytes", async () => {
    const { person, phone } = await world();
    const many = await Promise.all(Array.from({ length: 17 }, () => generate("sign")));
    expect((await firstDeviceList(person, many.slice(1).map((each) => device(each)))).devices).toHaveLength(16);
    const bad: Device[][] = [
      many.map((each) => device(each)),
      [device(phone), device(phone)],
      [{ ...device(phone), name: "é".repeat(33) }],
      [{ ...device(phone), name: "a\nb" }],
      [device(phone, "admin", "admin")],
    ];
    for (const devices of bad) await expect(firstDeviceList(person, devices)).rejects.toMatchObject(refused("malformed"));
  });
});

describe("keys documents", () => {
  it("lose the keys of devices that are revoked, and never go back", async () => {
    const records = memoryKeyRecords();
    const { devices, keys, device: phone } = await makePerson(records, "Phone", 0);
    const signer = await signerOf(records, phone);
    const pod = await generate("sign");
    const both = await nextDeviceList(devices, signer, [...devices.devices, device(pod)]);
    const podKey = { kid: "kpod", device: pod.kid, key: (await generate("agree")).kid, until: 1000 };
    const second = await makeKeysDocument(both, signer, 2, [...keys.agree, podKey]);
    expect(second.agree).toEqual([...keys.agree, podKey]);
    expect((await acceptKeysDocument(second.text, devices, { document: keys, now: 0 })).agree).toEqual(keys.agree);
    await expect(acceptKeysDocument(keys.text, both, { document: second, now: 0 })).rejects.toMatchObject(refused("stale"));
    await expect(makeKeysDocument(both, pod, 3, [])).rejects.toMatchObject(refused("not signed by an admin"));
    await expect(makeKeysDocument(both, signer, 3, [podKey, podKey])).rejects.toMatchObject(refused("malformed"));
    const other = await makePerson(memoryKeyRecords(), "Other", 0);
    await expect(acceptKeysDocument(other.keys.text, devices)).rejects.toMatchObject(refused("wrong label"));
    await expect(acceptKeysDocument(devices.text, devices)).rejects.toMatchObject(refused("wrong header"));
  });
});
