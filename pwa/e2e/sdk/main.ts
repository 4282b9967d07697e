// The SDK on a page of its own: a whole person without views. The test calls what is put on the window here.

import { type ContactId, type Env, type Kith, openKeyRecords, openKith } from "../../src/core/index.ts";
import { openStore } from "../../src/core/store/browser.ts";
import { connecting } from "../../src/ui/connecting.ts";
import { startWorker } from "../../src/ui/trusted.ts";
import { source } from "../../src/worker/slots.ts?source";

const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length));

/** What happened with direct connections: offers that were made, channels that opened. */
const direct = { offers: 0, opened: 0, ended: 0 };

/** The platform, watched. */
async function watched(): ReturnType<NonNullable<Env["connecting"]>> {
  const platform = connecting();
  const noting: typeof platform = platform && {
    offer: (events) => {
      direct.offers++;
      return platform.offer({ ...events, opened: () => (direct.opened++, events.opened()), ended: () => (direct.ended++, events.ended()) });
    },
    answer: (offer, events) => platform.answer(offer, { ...events, opened: () => (direct.opened++, events.opened()), ended: () => (direct.ended++, events.ended()) }),
  };
  return noting;
}

/** How far the clock of this device is ahead, in milliseconds. */
let ahead = 0;
const now = (): number => Date.now() + ahead;

async function env(): Promise<Env> {
  return {
    now,
    random,
    fetch: (url, init) => fetch(url, init),
    page: location.origin + location.pathname,
    socket: (url, protocol) => new WebSocket(url, protocol),
    connecting: watched,
    openStore: () => openStore({ now, random, locks: navigator.locks, startWorker: () => startWorker(source, "slots") }, "kith"),
    keys: await openKeyRecords("kith-keys"),
    after: (milliseconds, run) => {
      const timer = setTimeout(run, milliseconds);
      return () => clearTimeout(timer);
    },
    presence: { online: () => true, visible: () => true, watch: () => () => undefined },
    deviceName: "Browser",
    persist: async () => true,
    quota: async () => 1 << 30,
  };
}

let opened: Kith | undefined;

function kith(): Kith {
  if (opened === undefined) throw new Error("use SDK: it is not open");
  return opened;
}

const sdk = {
  direct,
  kith,
  /** Begins a person without a pod, who is reached by a relay. */
  async start(name: string, relay: string): Promise<void> {
    opened = await openKith(await env());
    await opened.start(name);
    await (await opened.relays()).add(relay);
  },
  friend(): ContactId {
    const [friend] = kith().friends();
    if (friend === undefined) throw new Error("find friend: there is none");
    return friend.cid;
  },
  async allow(on: boolean): Promise<void> {
    await (await kith().relays()).setDirect(sdk.friend(), on);
  },
  /** Lets time pass. */
  pass(milliseconds: number): void {
    ahead += milliseconds;
  },
  /** Says something to the post with that text. */
  async comment(to: string, text: string): Promise<void> {
    const { posts } = await kith().feed({ limit: 50 });
    const post = posts.find((each) => each.text === to);
    if (post === undefined) throw new Error(`comment: there is no post "${to}"`);
    await (await kith().talk()).comment(post.ref, text);
  },
  /** Asks the friend, and returns the texts that are here then. */
  async texts(): Promise<readonly string[]> {
    await kith().refresh(sdk.friend());
    return (await kith().feed({ limit: 50 })).posts.map(({ text }) => text);
  },
};

declare global {
  interface Window {
    sdk: typeof sdk;
  }
}
window.sdk = sdk;

export type SDK = typeof sdk;
