/** Device lists as chains: who may go on from which list, seen by somebody at first sight and by a friend. */

import { beforeEach, describe, expect, it, vi } from "vitest";
import { b64u, fromB64u, sha256 } from "../../src/core/bytes.ts";
import { acceptDeviceList, firstDeviceList, isLong, maxChain, nextDeviceList, readDeviceList } from "../../src/core/webid/devices.ts";
import type { DeviceList } from "../../src/core/webid/list.ts";
import { signAs } from "../../src/core/webid/jws.ts";
import { generate, type Signer } from "../../src/core/webid/key.ts";
import type { Verdict } from "../../src/core/webid/verdict.ts";

const admins = (...signers: readonly Signer[]) => signers.map(({ kid }) => ({ kid, name: "Phone", may: ["admin" as const] }));
const newest = ({ text }: DeviceList): string => text.split("~")[0] ?? "";

/** forge returns the JWS that would follow a list, whoever signs it. */
async function forge(list: DeviceList, signer: Signer, more: Partial<DeviceList> = {}): Promise<string> {
  const { label, gen, epoch, person } = list;
  const prev = b64u(await sha256(newest(list)));
  return signAs(signer, "kith-devices+jwt", { label, gen, epoch: epoch + 1, prev, person, devices: admins(signer), ...more });
}

async function refuses(verdict: Verdict, chain: string, ...pinned: readonly (DeviceList | undefined)[]): Promise<void> {
  for (const each of pinned) await expect(acceptDeviceList(chain, each)).rejects.toMatchObject({ code: "keys-refused", verdict });
}

let [person, phone, laptop, impostor]: Signer[] = [];
let first: DeviceList;

beforeEach(async () => {
  [person, phone, laptop, impostor] = await Promise.all([1, 2, 3, 4].map(() => generate("sign")));
  first = await firstDeviceList(person!, admins(phone!, laptop!));
});

/** reign returns the last of that many lists. */
async function reign(count: number, list = first): Promise<DeviceList> {
  return count === 1 ? list : reign(count - 1, await nextDeviceList(list, phone!, admins(phone!, laptop!)));
}

describe("an impostor who knows all that is public", () => {
  it("cannot make a later list at first sight", async () => {
    const alone = await forge(first, impostor!);
    await refuses("no chain", alone, undefined, first);
    await refuses("no chain", await forge(first, impostor!, { gen: 2 }), undefined, first);
    await expect(readDeviceList(alone)).rejects.toMatchObject({ verdict: "no chain" });
  });

  it("cannot go on from the person's own lists, nor begin a chain in their name", async () => {
    const second = await nextDeviceList(first, phone!, admins(phone!));
    await refuses("not signed by an admin", `${await forge(first, impostor!)}~${first.text}`, undefined, first, second);
    await refuses("not signed by an admin", `${await forge(second, impostor!)}~${second.text}`, undefined, first, second);
    const theirs = await forge(first, impostor!, { epoch: 1, prev: "" });
    await refuses("not signed by an admin", theirs, undefined, first);
    await refuses("not signed by an admin", `${await forge(first, impostor!)}~${theirs}`, undefined, first);
    const said = await signAs({ kid: person!.kid, key: impostor!.key }, "kith-devices+jwt", { ...first, devices: admins(impostor!), text: "", signer: "" });
    await refuses("bad signature", said, undefined, first);
    await refuses("bad signature", `${await forge(first, impostor!)}~${said}`, undefined, first);
  });
});

describe("a friend", () => {
  it("who missed three epochs follows", async () => {
    const second = await nextDeviceList(first, phone!, admins(phone!, laptop!));
    const third = await nextDeviceList(second, laptop!, admins(laptop!));
    const fourth = await nextDeviceList(third, laptop!, admins(phone!));
    const fifth = await nextDeviceList(fourth, phone!, admins(impostor!));
    expect(await acceptDeviceList(fifth.text, first)).toEqual(fifth);
    expect(await acceptDeviceList(fifth.text)).toEqual(fifth);
    await refuses("stale", fourth.text, fifth);
  });

  it("keeps to one branch of a fork, until the person key ends it", async () => {
    const without = await nextDeviceList(first, phone!, admins(phone!));
    const withIt = await nextDeviceList(first, laptop!, admins(laptop!, impostor!));
    const later = await nextDeviceList(withIt, impostor!, admins(impostor!));
    const leap = await readDeviceList(`${await forge(first, laptop!, { epoch: 7 })}~${first.text}`);
    for (const other of [withIt, later, leap]) {
      await refuses("same epoch, different list", other.text, without);
      await refuses("same epoch, different list", without.text, other);
      expect(await acceptDeviceList(other.text, first)).toEqual(other);
    }
    const anew = await nextDeviceList(without, person!, admins(phone!));
    expect(anew).toMatchObject({ gen: 2, epoch: 1 });
    expect(anew.text).not.toContain("~");
    expect(await acceptDeviceList(anew.text, later)).toEqual(anew);
    await refuses("stale", later.text, anew);
  });

  it("is not parted from a chain by a signature that somebody turned around", async () => {
    const second = await nextDeviceList(first, phone!, admins(phone!));
    const third = await nextDeviceList(second, phone!, admins(phone!, laptop!));
    const [head, body, signature = ""] = newest(second).split(".");
    const turned = await readDeviceList(`${head}.${body}.${turn(signature)}~${first.text}`);
    expect(turned.text).not.toBe(second.text);
    expect(await acceptDeviceList(turned.text, second)).toBe(second);
    expect(await acceptDeviceList(third.text, turned)).toEqual(third);
  });
});

/** turn returns the signature (r, n - s) that holds where (r, s) does. */
function turn(signature: string): string {
  const bytes = fromB64u(signature) ?? new Uint8Array(64);
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).toString("hex")}`);
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  bytes.set(Buffer.from((n - s).toString(16).padStart(64, "0"), "hex"), 32);
  return b64u(bytes);
}

describe("a chain", () => {
  it("that is truncated is refused, at its end, within, and in pieces", async () => {
    const fourth = await reign(4);
    const [a = "", b = "", c = "", d = ""] = fourth.text.split("~");
    await refuses("no chain", [a, b, c].join("~"), undefined, first, fourth);
    await refuses("no chain", a, undefined, first, fourth);
    await refuses("broken chain", [a, b, d].join("~"), undefined, first, fourth);
    await refuses("broken chain", [a, d].join("~"), undefined, first, fourth);
    await refuses("broken chain", [a, b, b, c, d].join("~"), undefined, first, fourth);
    await refuses("no chain", [d, c, b, a].join("~"), undefined, first, fourth);
    for (const bad of [[a, b, c, d, ""], ["", a, b, c, d], [a, "", b, c, d], [a, b.slice(0, 40), c, d]]) {
      await refuses("malformed", bad.join("~"), undefined, first, fourth);
    }
    await refuses("stale", [b, c, d].join("~"), fourth);
  });

  it("has at most 32 lists and 32 KiB, and is long before", async () => {
    const most = await reign(32);
    expect(await acceptDeviceList(most.text)).toEqual(most);
    await refuses("malformed", `${await forge(most, phone!)}~${most.text}`, undefined, first, most);
    await expect(nextDeviceList(most, phone!, admins(phone!))).rejects.toMatchObject({ verdict: "malformed" });
    expect([isLong(await reign(23)), isLong(await reign(24)), isLong(most)]).toEqual([false, true, true]);
    const wide = await Promise.all(Array.from({ length: 16 }, () => generate("sign")));
    let list = first;
    const grow = async (): Promise<void> => {
      for (;;) list = await nextDeviceList(list, phone!, [...admins(phone!), ...admins(...wide.slice(1))]);
    };
    await expect(grow()).rejects.toMatchObject({ verdict: "malformed" });
    expect(list.text.length).toBeLessThanOrEqual(maxChain);
    expect(list.text.split("~").length).toBeLessThan(32);
    expect(isLong(list)).toBe(true);
  });

  it("is verified once, and then only where it has grown", async () => {
    const known = await reign(8);
    const anew = await forge(known, phone!);
    const verify = vi.spyOn(crypto.subtle, "verify");
    const cost = async (act: () => Promise<unknown>): Promise<number> => {
      verify.mockClear();
      await act();
      return verify.mock.calls.length;
    };
    expect(await cost(() => acceptDeviceList(`${anew}~${known.text}`, known))).toBe(1);
    expect(await cost(() => acceptDeviceList(`${anew}~${known.text}`))).toBe(0);
    verify.mockRestore();
  });
});
