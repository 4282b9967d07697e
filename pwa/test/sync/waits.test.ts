import { expect, test } from "vitest";
import { doneBefore, remembering } from "../../src/core/answer/once.ts";
import type { ContactId } from "../../src/core/kith.ts";
import { memoryDisk } from "../store/memory.ts";
import { openStoreOver } from "../../src/core/store/phone.ts";
import { askedOf, askedSettings } from "../../src/core/sync/waits.ts";

const now = 10_000;
const friend = { kind: "contact", cid: "b".repeat(20) as ContactId, grant: 1, kid: "k", also: [] } as const;

test("what a phone was asked, and did once, is not among what it asks of others", async () => {
  const random = (count: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(count));
  const store = await openStoreOver({ ...memoryDisk(), now: () => now, random });
  const once = { nonce: "n1", expires: now + 1_000 };
  await store.apply(await remembering(store, friend, once, { status: 201, headers: new Headers(), bytes: new Uint8Array(0) }, now));
  expect(await doneBefore(store, friend, once, now)).toMatchObject({ status: 201 });
  expect(askedOf(store)).toEqual([]);

  await store.apply([{ set: `${askedSettings}1`, value: { id: "1", whom: friend.cid, since: now } }]);
  await store.apply(await remembering(store, friend, { nonce: "n2", expires: now + 5_000 }, { status: 204, headers: new Headers(), bytes: new Uint8Array(0) }, now + 2_000));
  expect(askedOf(store).map(({ id }) => id)).toEqual(["1"]);
});
