import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Compose, Kith, PostRef } from "../../src/core/kith.ts";
import { Host, type Person } from "./host.ts";
import { Device, picture, until } from "./world.ts";

let host: Host;
let person: Person;
let [first, second] = [new Device("phone"), new Device("laptop")];
let [phone, laptop]: [Kith, Kith] = [undefined as never, undefined as never];
let count = 0;

beforeAll(async () => {
  host = await Host.open();
});
afterAll(() => host.close());
afterEach(async () => {
  await first.close();
  await second.close();
});

const say = (text: string): Compose => ({ text, pictures: [], audience: { kind: "me" } });
const texts = async (kith: Kith): Promise<readonly string[]> => (await kith.feed({ limit: 100 })).posts.map(({ text }) => text);

/** join lets the laptop join the phone's person; the phone's app is open and looked at by somebody. */
async function join(kith = laptop, name = "laptop"): Promise<void> {
  const { length } = phone.devices();
  const { link } = await phone.linkDevice();
  const joined = kith.joinDevice(link, name);
  await until(async () => {
    await phone.syncNow();
    return phone.devices().length > length;
  }, "let the device in");
  await joined;
  await kith.syncNow();
}

/** meet lets both exchange until neither has anything for the other. */
async function meet(): Promise<void> {
  for (const kith of [phone, laptop, phone, laptop]) await kith.syncNow();
}

beforeEach(async () => {
  [first, second] = [new Device("phone"), new Device("laptop")];
  [phone, laptop] = [await first.kith(), await second.kith()];
  await phone.start("Ana");
  person = await host.person(`devices${count++}`);
  await phone.connectPod(person.pair);
  await phone.syncNow();
});

describe("a second device", () => {
  test("joins, has everything, and posts as the same person", async () => {
    const photo = picture("A dog", 50_000);
    await phone.post({ text: "from the phone", pictures: [photo], audience: { kind: "me" } });
    await phone.addCircle("Family", []);
    await phone.syncNow();
    await join();
    expect(laptop.me()).toMatchObject({ name: "Ana", label: phone.me()?.label });
    expect(laptop.devices()).toMatchObject([{ name: "phone", self: false }, { isPod: true }, { name: "laptop", self: true, admin: true }]);
    expect(laptop.circles()).toMatchObject([{ name: "Family" }]);
    const [post] = (await laptop.feed({ limit: 5 })).posts;
    expect(post).toMatchObject({ text: "from the phone", pictures: [{ thumbHere: true, fullHere: false }] });
    expect((await laptop.picture(post?.ref as PostRef, 0, "full")).bytes).toEqual(photo.full);
    await laptop.post(say("from the laptop"));
    await meet();
    expect(await texts(phone)).toEqual(["from the laptop", "from the phone"]);
    expect(phone.pod()).toMatchObject({ kind: "connected", waiting: 0 });
  });

  test("is not let in without the link's secret", async () => {
    const { link } = await phone.linkDevice();
    const [base = "", written = ""] = link.split("#device=");
    const said = JSON.parse(Buffer.from(written, "base64url").toString()) as Record<string, unknown>;
    const wrong = `${base}#device=${Buffer.from(JSON.stringify({ ...said, secret: "A".repeat(22) })).toString("base64url")}`;
    await expect(laptop.joinDevice(wrong, "laptop")).rejects.toMatchObject({ code: "link-used" });
    await phone.syncNow();
    expect(phone.devices()).toHaveLength(2);
  });

  test("that was taken out of the list is refused", async () => {
    await join();
    const { kid } = laptop.devices().find(({ self }) => self) ?? { kid: "" };
    await phone.removeDevice(kid);
    await phone.syncNow();
    await laptop.syncNow();
    expect(laptop.pod()).toMatchObject({ kind: "refused", error: { code: "pod-refused" } });
    expect(laptop.me()).toMatchObject({ removed: true });
    expect(laptop.devices().map(({ name }) => name)).toEqual(["phone", "My pod"]);
    expect(phone.devices().map(({ name }) => name)).toEqual(["phone", "My pod"]);
  });
});

test("two devices change the list at one time: who came in is in, who was taken out is out", async () => {
  const [third, fourth] = [new Device("tablet"), new Device("watch")];
  const [tablet, watch] = [await third.kith(), await fourth.kith()];
  await join();
  await join(tablet, "tablet");
  await laptop.syncNow();
  const { kid } = tablet.devices().find(({ self }) => self) ?? { kid: "" };
  await laptop.removeDevice(kid);
  await join(watch, "watch");
  await meet();
  await meet();
  const names = ["laptop", "My pod", "phone", "watch"];
  expect(phone.devices().map(({ name }) => name).sort()).toEqual([...names].sort());
  expect(laptop.devices().map(({ name }) => name).sort()).toEqual([...names].sort());
  expect([phone.pod(), laptop.pod()]).toMatchObject([{ kind: "connected", waiting: 0 }, { kind: "connected", waiting: 0 }]);
  await Promise.all([third.close(), fourth.close()]);
});

test("a device that was away while the lists changed pairs by a link, takes them first, and is up to date", async () => {
  await join();
  await second.close();
  const tablet = await new Device("tablet").kith();
  await join(tablet, "tablet");
  for (let n = 0; n < 3; n++) await phone.connectPod(await host.pair(person.name));
  await phone.post(say("while it was away"));
  await phone.syncNow();
  laptop = await second.kith();
  const before = laptop.devices().length;
  await laptop.connectPod(await host.pair(person.name));
  expect([before, laptop.devices().length]).toEqual([3, 4]);
  const settled = async (kith: Kith): Promise<boolean> => {
    const { kind, waiting } = kith.pod();
    return kind === "connected" && waiting === 0 && (await texts(kith)).join() === "while it was away";
  };
  await until(async () => (await meet(), (await settled(phone)) && (await settled(laptop))), "both are up to date");
  for (const kith of [phone, laptop]) expect(kith.devices().map(({ name }) => name).sort()).toEqual(["My pod", "laptop", "phone", "tablet"]);
  await tablet.close();
});

test("a device that was removed while it was away does not pair by a link, and hears why", async () => {
  await join();
  const { kid } = laptop.devices().find(({ self }) => self) ?? { kid: "" };
  await phone.removeDevice(kid);
  await phone.syncNow();
  expect(laptop.me()?.removed).toBeUndefined();
  await expect(laptop.connectPod(await host.pair(person.name))).rejects.toMatchObject({ code: "pod-refused" });
  expect(laptop.me()).toMatchObject({ removed: true });
  await phone.syncNow();
  expect(phone.devices().map(({ name }) => name)).toEqual(["phone", "My pod"]);
});

describe("two devices", () => {
  beforeEach(async () => {
    await phone.post(say("common"));
    await phone.syncNow();
    await join();
  });
  const common = async (kith: Kith): Promise<PostRef> => (await kith.feed({ limit: 100 })).posts.at(-1)?.ref as PostRef;

  test("that edit one post offline come to the same text, and the other text is kept for its author", async () => {
    const ref = await common(phone);
    await phone.edit(ref, "edited on the phone");
    await laptop.edit(ref, "edited on the laptop");
    await meet();
    const [mine, theirs] = [await texts(phone), await texts(laptop)];
    expect(mine).toEqual(theirs);
    const lost = mine[0] === "edited on the phone" ? "edited on the laptop" : "edited on the phone";
    expect([...phone.drafts(), ...laptop.drafts()]).toMatchObject([{ reason: "lost", text: lost, post: ref }]);
    expect([phone.pod(), laptop.pod()]).toMatchObject([{ waiting: 0 }, { waiting: 0 }]);
  });

  test.each([["the phone", true], ["the laptop", false]])("that bring their edits at the same moment, %s first, lose neither", async (_name, phoneFirst) => {
    const ref = await common(phone);
    await phone.edit(ref, "edited on the phone");
    await laptop.edit(ref, "edited on the laptop");
    // Each has asked what is new before the other brings anything.
    const [early, late] = phoneFirst ? [first, second] : [second, first];
    let brought = false;
    late.before = async (method, url) => {
      if (brought || method !== "PUT" || !url.includes(ref.slice(3))) return;
      brought = true;
      await (await early.kith()).syncNow();
    };
    await (await late.kith()).syncNow();
    late.before = () => undefined;
    expect(brought).toBe(true);
    await meet();
    await meet();
    const shown = await texts(phone);
    expect(await texts(laptop)).toEqual(shown);
    const lost = shown[0] === "edited on the phone" ? "edited on the laptop" : "edited on the phone";
    expect([...phone.drafts(), ...laptop.drafts()]).toMatchObject([{ reason: "lost", text: lost, post: ref }]);
    expect([phone.pod(), laptop.pod()]).toMatchObject([{ waiting: 0 }, { waiting: 0 }]);
  });

  test("of which one edits and one deletes: it is deleted, and the edit is kept for its author", async () => {
    const ref = await common(phone);
    await laptop.edit(ref, "edited twice");
    await laptop.edit(ref, "edited thrice");
    await phone.remove(ref);
    await meet();
    expect(await texts(phone)).toEqual([]);
    expect(await texts(laptop)).toEqual([]);
    expect(laptop.drafts()).toMatchObject([{ reason: "lost", text: "edited thrice" }]);
  });

  test("of which one deletes what the other has brought an edit of: the edit is kept all the same, once", async () => {
    const ref = await common(phone);
    await laptop.edit(ref, "edited twice");
    await laptop.syncNow();
    await phone.remove(ref);
    await meet();
    await meet();
    expect(await texts(phone)).toEqual([]);
    expect(await texts(laptop)).toEqual([]);
    expect([...phone.drafts(), ...laptop.drafts()]).toMatchObject([{ reason: "lost", text: "edited twice" }]);
  });

  test("of which one deletes what it knows the other's edit of: no draft is left", async () => {
    const ref = await common(phone);
    await laptop.edit(ref, "edited twice");
    await meet();
    await phone.remove(ref);
    await meet();
    expect([...phone.drafts(), ...laptop.drafts()]).toEqual([]);
  });

  test.each([["the one that narrows", true], ["the one that widens", false]])("that change one audience offline come to the narrower, also when %s comes first", async (_name, narrowFirst) => {
    const third = new Device("Ben's phone");
    const ben = await third.kith();
    await ben.start("Ben");
    await ben.acceptInvite((await phone.createInvite()).link);
    await meet();
    const ref = await common(phone);
    await phone.setAudience(ref, { kind: "me" });
    await phone.setAudience(ref, { kind: "all" });
    await meet();
    expect((await laptop.readPost(ref))?.audience).toMatchObject({ kind: "all", people: [{ name: "Ben" }] });
    const circle = await phone.addCircle("Nobody", []);
    await laptop.setAudience(ref, { kind: "me" });
    for (const audience of [{ kind: "some", circles: [circle], friends: [] }, { kind: "all" }] as const) await phone.setAudience(ref, audience);
    for (const kith of narrowFirst ? [laptop, phone] : [phone, laptop]) await kith.syncNow();
    await meet();
    expect((await phone.readPost(ref))?.audience).toEqual({ kind: "me", people: [] });
    expect((await laptop.readPost(ref))?.audience).toEqual({ kind: "me", people: [] });
    expect([phone.pod(), laptop.pod()]).toMatchObject([{ kind: "connected", waiting: 0 }, { kind: "connected", waiting: 0 }]);
    await third.close();
  });

  test("both make posts and circles offline; nothing is lost", async () => {
    await phone.post(say("a"));
    await laptop.post(say("b"));
    await phone.addCircle("A", []);
    await laptop.addCircle("B", []);
    await meet();
    expect([...(await texts(phone))].sort()).toEqual(["a", "b", "common"]);
    expect(await texts(laptop)).toEqual(await texts(phone));
    expect(laptop.circles().map(({ name }) => name)).toEqual(["A", "B"]);
    expect(phone.circles().map(({ name }) => name)).toEqual(["A", "B"]);
  });

  test("of which one deletes a lot: the other asks first", async () => {
    for (let n = 0; n < 11; n++) await phone.post(say(`post ${n}`));
    await meet();
    for (const { ref, text } of (await phone.feed({ limit: 100 })).posts) if (text !== "common") await phone.remove(ref);
    await meet();
    expect(laptop.pod()).toMatchObject({ askDeletions: 11 });
    expect(await texts(laptop)).toHaveLength(12);
    await laptop.confirmDeletions(true);
    await meet();
    expect(await texts(laptop)).toEqual(["common"]);
    expect(await texts(phone)).toEqual(["common"]);
    expect(laptop.pod().askDeletions).toBeUndefined();
  });

  test("of which one deletes a lot and the other says no: everything comes back to both", async () => {
    for (let n = 0; n < 11; n++) await phone.post(say(`post ${n}`));
    await meet();
    for (const { ref, text } of (await phone.feed({ limit: 100 })).posts) if (text !== "common") await phone.remove(ref);
    await meet();
    await laptop.confirmDeletions(false);
    await meet();
    expect(await texts(laptop)).toHaveLength(12);
    expect(await texts(phone)).toEqual(await texts(laptop));
  });
});
