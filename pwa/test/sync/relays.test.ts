import { afterAll, describe, expect, test, vi } from "vitest";
import { Relay } from "./relay.ts";
import { Device, until } from "./world.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const open: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const each of open.reverse()) await each.close();
});

async function relay(queues?: "open" | "work"): Promise<Relay> {
  const made = await Relay.open(queues);
  open.push(made);
  return made;
}

async function person(name: string) {
  const device = new Device(`${name}'s phone`);
  open.push(device);
  const kith = await device.kith();
  await kith.start(name);
  return { device, kith };
}

describe("a person's relays", () => {
  test("are added by address, say how they stand, and are left and taken back", async () => {
    const [one, two] = [await relay("work"), await relay()];
    const { kith } = await person("Ana");
    const relays = await kith.relays();
    expect(relays.list()).toEqual([]);
    await relays.add(` ${one.url.slice(0, -1)} `);
    await relays.add(two.url);
    expect(relays.list().map(({ url }) => url)).toEqual([one.url, two.url]);
    await until(() => relays.list().every(({ state }) => state === "connected"), "both relays are connected");
    await one.kill();
    await until(() => relays.list()[0]?.state === "unreachable", "the one that is gone says so");
    expect(relays.list()[0]?.since).toBeGreaterThan(0);
    expect(relays.list()[1]?.state).toBe("connected");
    await relays.remove(two.url);
    expect(relays.list().map(({ url }) => url)).toEqual([one.url]);
    expect(relays.leaving()).toMatchObject([{ host: new URL(two.url).host }]);
    await relays.restore(two.url);
    expect(relays.list().map(({ url }) => url)).toEqual([one.url, two.url]);
    expect(relays.leaving()).toEqual([]);
    await one.start();
    await until(() => relays.list()[0]?.state === "connected", "the one that came back says so", 30_000);
  });

  test("that are none, or do not answer, are refused with what is wrong", async () => {
    const gone = await relay();
    await gone.close();
    const { kith } = await person("Ana");
    const relays = await kith.relays();
    await expect(relays.add("not an address")).rejects.toMatchObject({ code: "no-relay" });
    await expect(relays.add(gone.url)).rejects.toMatchObject({ code: "relay-unreachable" });
    await expect(kith.createInvite()).rejects.toMatchObject({ code: "no-reach" });
  });
});
