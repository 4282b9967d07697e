// A person's phone on a page of its own, over the app's own store, keys and service worker; the test calls what is put
// on the window here.

import { answeringFor } from "../../src/core/answer.ts";
import type { Answering } from "../../src/core/answer/answering.ts";
import { b64u, fromB64u, utf8 } from "../../src/core/bytes.ts";
import type { Env } from "../../src/core/env.ts";
import type { Audience, ContactId } from "../../src/core/kith.ts";
import type { Card } from "../../src/core/pod/card.ts";
import { addFriend } from "../../src/core/pod/friends.ts";
import { type Folder, relaysPath } from "../../src/core/pod/paths.ts";
import { contactsOf } from "../../src/core/pod/people.ts";
import { makePost, removePost } from "../../src/core/pod/posts.ts";
import { ownLists } from "../../src/core/pod/profile.ts";
import { heardOf } from "../../src/core/pod/traces.ts";
import { jsonLD, newHandle, newRow, Tree } from "../../src/core/pod/tree.ts";
import { makeQueue } from "../../src/core/relay/queue.ts";
import { Directs } from "../../src/core/relay/directs.ts";
import { tokenOf, writeRelays } from "../../src/core/relay/settings.ts";
import { openStore } from "../../src/core/store/browser.ts";
import type { Row, Store } from "../../src/core/store/store.ts";
import { type Introducing, selfOf } from "../../src/core/sync/introduce.ts";
import { personOf } from "../../src/core/sync/session.ts";
import { startPerson } from "../../src/core/sync/person.ts";
import { takingFor } from "../../src/core/taking.ts";
import { saidSetting, turnOn, type Waker } from "../../src/core/wakes.ts";
import { openKeyRecords } from "../../src/core/webid/records.ts";
import { connecting } from "../../src/ui/connecting.ts";
import { serviceWorkerScript, startWorker } from "../../src/ui/trusted.ts";
import { source } from "../../src/worker/slots.ts?source";

const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length));
const watchers = new Set<() => void>();

let store: Store;
let env: Env;
let tree: Tree;
let answering: Answering | undefined;
let directs: Directs | undefined;

/** open opens the store as the app does. */
async function open(): Promise<void> {
  store = await openStore({ now: Date.now, random, locks: navigator.locks, startWorker: () => startWorker(source, "slots") }, "kith");
  const keys = await openKeyRecords("kith-keys");
  env = {
    now: Date.now, random, keys, page: location.href, deviceName: "phone",
    fetch: (url, init) => fetch(url, init),
    socket: (url, protocol) => new WebSocket(url, protocol),
    openStore: async () => store,
    after: (milliseconds, run) => {
      const id = setTimeout(run, milliseconds);
      return () => clearTimeout(id);
    },
    presence: { online: () => true, visible: () => true, watch: () => () => undefined },
    persist: async () => true,
    quota: async () => 0,
  };
  if (personOf(store) === undefined) await startPerson(env, store, "ana");
  tree = new Tree(store, env, personOf(store)?.device ?? "");
}

/** install registers the app's service worker and waits until it is active. */
async function install(): Promise<void> {
  await navigator.serviceWorker.register(serviceWorkerScript(), { updateViaCache: "none" });
  await navigator.serviceWorker.ready;
}

/** reach makes queues at relays, and returns the secret that send ids are made from. */
async function reach(urls: readonly string[]): Promise<string> {
  const secret = random(32);
  const relays = await Promise.all(urls.map(async (url) => {
    const made = await makeQueue(env, url, [await tokenOf(secret, url, tree.device)]);
    if ("refused" in made) throw new Error(`make queue: ${made.refused}`);
    return { url, queue: made.queue, since: Date.now() };
  }));
  await tree.act("other", (batch) => batch.putText(relaysPath, "application/json", writeRelays({ secret, hop: false, relays, old: [] })));
  return b64u(secret);
}

const said = { title: "Kith", answered: "Friends were answered.", left: "Somebody wrote." };

/** wake turns being woken on, with a subscription that the test's push service gives in the place of the browser's; it returns the public
 * key that the service was told. */
async function wake(subscription: { readonly endpoint: string; readonly keys: Readonly<Record<string, string>> }): Promise<string> {
  let told = "";
  const waker: Waker = {
    getSubscription: async () => null,
    subscribe: async ({ applicationServerKey }) => ((told = b64u(applicationServerKey)), { toJSON: () => subscription, unsubscribe: async () => true }),
  };
  await turnOn(store, waker, said, new Promise(() => undefined));
  return told;
}

const tools = {
  wake,
  /** Tells the relays what they do not know yet. */
  told: async (): Promise<void> => answering?.refresh(),
  open,
  install,
  reach,
  close: (): Promise<void> => store.close(),
  /** The person, as friends know them. */
  async self() {
    const { devices, keys } = await ownLists(tree);
    return { label: devices.label, device: tree.device, devices: devices.text, keys: keys.text, agree: keys.agree[0]?.key ?? "" };
  },
  befriend: (card: Card): Promise<ContactId> => addFriend(tree, card),
  friends: (): readonly string[] => contactsOf(store).map(({ name }) => name),
  post: (text: string, audience: Audience): Promise<Folder> => makePost(tree, { text, pictures: [], audience }),
  remove: (folder: string): Promise<void> => removePost(tree, folder as Folder),
  say: (): Promise<void> => store.apply([{ set: saidSetting, value: said }]),
  text: (path: string): Promise<string | undefined> => tree.text(path),
  paths: (prefix: string): readonly string[] => [...store.rows(prefix)].map(({ path }) => path),
  settings: (prefix: string): readonly string[] => store.names(prefix),
  counter: (): number => tree.counter,
  /** put gives the tree a resource as a device of the person made it then. */
  async put(path: string, type: string, bytes: string, modified: number): Promise<void> {
    const version = { counter: tree.counter + 1, device: tree.device };
    const content = fromB64u(bytes) ?? new Uint8Array(0);
    const put = await newRow({ path, type, id: newHandle(env), modified, version }, content);
    await store.apply([{ put, bytes: content }, { set: "counter", value: version.counter }, ...heardOf(store, [version])]);
  },
  /** copy keeps a post of a friend's, who then does not answer for so many days; it returns the slot of its key. */
  async copy(cid: ContactId, path: string, text: string, silent: number): Promise<number> {
    const bytes = utf8(JSON.stringify({ type: "Note", content: text, published: new Date().toISOString() }));
    const row = await newRow({ path, type: jsonLD, id: newHandle(env), modified: Date.now(), version: { counter: 0, device: "" } }, bytes);
    await store.apply([{ put: { ...row, note: { published: Date.now(), state: "s", item: "urn:kith:i" } }, bytes }, { set: `peer/${cid}/seen`, value: { at: Date.now() - silent * 86_400_000 } }]);
    return (store.row(path) as Row & { readonly slot: number }).slot;
  },
  /** here tells whether the bytes of that path can be read. */
  here: async (path: string): Promise<boolean> => (await store.bytes(path)) !== undefined,
  async answer(): Promise<void> {
    const watch = (changed: () => void): (() => void) => (watchers.add(changed), () => watchers.delete(changed));
    answering = answeringFor(env, tree, { watch, hinted: () => undefined, left: () => undefined, accepted: () => undefined }, async () => takingFor(tree, selfOf(tree) as Introducing));
    await answering?.start();
  },
  /** meet takes an offer of a direct connection, over which the same is answered as through a relay. */
  async meet(offer: string): Promise<string | undefined> {
    const platform = connecting();
    directs ??= platform && new Directs(env, platform, async (message) => answering?.answer(message));
    return directs?.answer("asker", offer);
  },
  stop: async (): Promise<void> => answering?.stop(),
};

/** House is what the test calls. */
export type House = typeof tools;

Object.assign(window, { house: tools });
