import { expect, test } from "vitest";
import { memoryDisk } from "./memory.ts";
import { openStoreOver } from "../../src/core/store/phone.ts";
import type { Store } from "../../src/core/store/store.ts";
import { turnOn, type Waker, wakes } from "../../src/core/wakes.ts";

const said = { title: "Kith", answered: "Answered.", left: "Left." };
type Subscription = Awaited<ReturnType<Waker["subscribe"]>>;

const opened = (): Promise<Store> => openStoreOver({ ...memoryDisk(), now: () => 0, random: (n) => crypto.getRandomValues(new Uint8Array(n)) });

/** A browser's push manager, as far as it is asked; `ended` counts the subscriptions that were given up. */
function browser(subscribe: () => Promise<Subscription>): { readonly waker: Waker; readonly subscription: Subscription; ended: number } {
  const here = {
    ended: 0,
    subscription: {
      toJSON: () => ({ endpoint: "https://push.example/1", keys: { p256dh: "p", auth: "a" } }),
      unsubscribe: async () => (here.ended += 1) > 0,
    },
    waker: { getSubscription: async () => null, subscribe },
  };
  return here;
}

test("a browser that answers is woken", async () => {
  const store = await opened();
  const here = browser(async () => here.subscription);
  expect(await turnOn(store, here.waker, said, new Promise(() => undefined))).toBe(true);
  expect(wakes(store)).toBe(true);
});

test("one that answers too late is not, and what it gave is given back", async () => {
  const store = await opened();
  let answer: (subscription: Subscription) => void = () => undefined;
  const here = browser(() => new Promise((resolve) => { answer = resolve; }));
  expect(await turnOn(store, here.waker, said, Promise.resolve())).toBe(false);
  expect(wakes(store)).toBe(false);
  await expect.poll(() => { answer(here.subscription); return here.ended; }).toBe(1);
});
