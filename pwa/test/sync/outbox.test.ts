/** What the pod answers to the outbox, from the real pod and, where that one never would, from one in between. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Compose, Kith } from "../../src/core/kith.ts";
import { Host, type Person } from "./host.ts";
import { Device, until } from "./world.ts";

// The machine may be busy with other things; what hangs ends here.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let host: Host;
let person: Person;
let [first, second] = [new Device("phone"), new Device("laptop")];
let [phone, laptop]: [Kith, Kith] = [undefined as never, undefined as never];
let count = 0;

beforeAll(async () => {
  host = await Host.open();
});
afterAll(() => host.close());
beforeEach(async () => {
  [first, second] = [new Device("phone"), new Device("laptop")];
  [phone, laptop] = [await first.kith(), await second.kith()];
  await phone.start("Ana");
  person = await host.person(`outbox${count++}`);
  await phone.connectPod(person.pair);
  await phone.syncNow();
});
afterEach(async () => {
  await first.close();
  await second.close();
});

const say = (text: string): Compose => ({ text, pictures: [], audience: { kind: "me" } });
const texts = async (kith: Kith): Promise<readonly string[]> => (await kith.feed({ limit: 100 })).posts.map(({ text }) => text);

async function join(): Promise<void> {
  const { link } = await phone.linkDevice();
  const joined = laptop.joinDevice(link, "laptop");
  await until(async () => {
    await phone.syncNow();
    return phone.devices().length > 2;
  }, "let the device in");
  await joined;
  await laptop.syncNow();
}

/** meanwhile lets something happen once, just before a device sends a request of that kind. */
function meanwhile(device: Device, sent: (method: string, url: string) => boolean, act: () => Promise<void>): void {
  device.before = async (method, url) => {
    if (!sent(method, url)) return;
    device.before = () => undefined;
    await act();
  };
}

describe("what was deleted between the look and the write", () => {
  test("stays deleted: an edit of a post becomes a draft, and the outbox is empty", async () => {
    const ref = await phone.post(say("common"));
    await phone.syncNow();
    await join();
    await laptop.edit(ref, "edited on the laptop");
    const after = await laptop.post(say("behind it"));
    meanwhile(second, (method, url) => method === "PUT" && url.endsWith("/post.jsonld"), async () => {
      await phone.remove(ref);
      await phone.syncNow();
    });
    await laptop.syncNow();
    expect(laptop.outbox()).toEqual([]);
    expect(laptop.drafts()).toMatchObject([{ reason: "lost", text: "edited on the laptop", post: ref }]);
    expect((await laptop.readPost(after))?.state).toBe("pod");
    await laptop.syncNow();
    await phone.syncNow();
    expect(await texts(laptop)).toEqual(["behind it"]);
    expect(await texts(phone)).toEqual(["behind it"]);
    expect([...(second.store?.rows(`/social/posts/${ref.slice(3)}/`) ?? [])]).toEqual([]);
  });

  test("stays deleted: a friend who was removed elsewhere is not a friend here", async () => {
    const ben = new Device("Ben's phone");
    const other = await ben.kith();
    await other.start("Ben");
    await other.acceptInvite((await phone.createInvite()).link);
    await phone.syncNow();
    await join();
    const [friend] = laptop.friends();
    await laptop.renameFriend(friend?.cid as never, "Benjamin");
    await laptop.renameFriend(friend?.cid as never, "Benny");
    meanwhile(second, (method, url) => method === "PUT" && url.endsWith("/card"), async () => {
      await phone.removeFriend(friend?.cid as never);
      await phone.syncNow();
    });
    await laptop.syncNow();
    await phone.syncNow();
    expect([phone.friends(), laptop.friends()]).toEqual([[], []]);
    expect([phone.outbox(), laptop.outbox()]).toEqual([[], []]);
    await ben.close();
  });
});
