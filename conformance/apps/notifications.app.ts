import { getSolidDataset, getThing, getThingAll, getUrl, getUrlAll, overwriteFile, universalAccess, deleteFile, createContainerAt } from "@inrupt/solid-client";
import { WebsocketNotification } from "@inrupt/solid-client-notifications";
import { Fetcher, UpdateManager, graph, literal, st, sym, type Statement } from "rdflib";
import { expect } from "vitest";
import { onBoth } from "./harness/servers.ts";
import type { Actor } from "./harness/sessions.ts";
import { until } from "./harness/until.ts";

const notify = "http://www.w3.org/ns/solid/notifications#";
const description = "http://www.w3.org/ns/solid/terms#storageDescription";

interface Message {
  readonly type: string;
  readonly object: string;
  readonly target?: string;
}

/** serviceFor returns the subscription service of a channel type, found as an app finds it: from the resource, by its links. */
async function serviceFor(who: Actor, topic: string, channelType: string): Promise<string> {
  const link = (await who.fetch(topic, { method: "HEAD" })).headers.get("link") ?? "";
  const found = new RegExp(`<([^>]*)>;\\s*rel="${description}"`).exec(link)?.[1];
  if (found === undefined) throw new Error(`${topic} links to no storage description: ${link}`);
  const storage = await getSolidDataset(new URL(found, topic).href, { fetch: who.fetch });
  const services = getThingAll(storage).flatMap((thing) => getUrlAll(thing, `${notify}subscription`));
  const service = services.find((each) => {
    const thing = getThing(storage, each);
    return thing !== null && getUrl(thing, `${notify}channelType`) === `${notify}${channelType}`;
  });
  if (service === undefined) throw new Error(`no ${channelType} in ${found}`);
  return service;
}

async function subscribe(who: Actor, topic: string, channelType: string, more: object = {}): Promise<Response> {
  const body = JSON.stringify({ "@context": ["https://www.w3.org/ns/solid/notification/v1"], type: `${notify}${channelType}`, topic, ...more });
  return who.fetch(await serviceFor(who, topic, channelType), { method: "POST", headers: { "content-type": "application/ld+json" }, body });
}

async function receiveFrom(answer: Response): Promise<string> {
  if (!answer.ok) throw new Error(`subscribe: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { receiveFrom: string }).receiveFrom;
}

/** Ear is a subscription by WebSocket, with what it has heard. */
interface Ear {
  readonly heard: readonly Message[];
  closed(): boolean;
  close(): void;
}

/** listen subscribes, and opens the socket with Inrupt's library. */
async function listen(who: Actor, topic: string): Promise<Ear> {
  const from = await receiveFrom(await subscribe(who, topic, "WebSocketChannel2023"));
  const socket = new WebsocketNotification(topic, { fetch: who.fetch });
  const heard: Message[] = [];
  socket.on("message", (message) => void heard.push(message as Message));
  const connected = new Promise<void>((resolve, reject) => {
    socket.on("connected", () => resolve());
    socket.on("error", (error) => reject(new Error(`socket: ${error.message}`)));
  });
  await socket.connect(from);
  await connected;
  return { heard, closed: () => socket.status === "closed", close: () => socket.disconnect() };
}

function about(ear: Ear, type: string, object: string): boolean {
  return ear.heard.some((message) => message.type === type && message.object === object);
}

async function note(who: Actor, url: string, text: string): Promise<void> {
  await overwriteFile(url, new Blob([text]), { contentType: "text/plain", fetch: who.fetch });
}

function updaterOf(who: Actor): UpdateManager {
  const store = graph();
  void new Fetcher(store, { fetch: who.fetch });
  return new UpdateManager(store);
}

onBoth("notifications", (it) => {
  it("a change of a resource is heard by WebSocket", async ({ alice }) => {
    const url = `${alice.pod}heard/changed.txt`;
    await note(alice, url, "one");
    const ear = await listen(alice, url);
    await note(alice, url, "two");
    await until(() => about(ear, "Update", url));
    ear.close();
  });

  it("its deletion is heard too", async ({ alice }) => {
    const url = `${alice.pod}heard/deleted.txt`;
    await note(alice, url, "one");
    const ear = await listen(alice, url);
    await deleteFile(url, { fetch: alice.fetch });
    await until(() => about(ear, "Delete", url));
    ear.close();
  });

  it("a container tells what is added to it and removed from it", async ({ alice }) => {
    const parent = `${alice.pod}heard/in/`;
    await createContainerAt(parent, { fetch: alice.fetch });
    const ear = await listen(alice, parent);
    await note(alice, `${parent}new.txt`, "one");
    await until(() => ear.heard.some(({ type, object, target }) => type === "Add" && object === `${parent}new.txt` && target === parent));
    await deleteFile(`${parent}new.txt`, { fetch: alice.fetch });
    await until(() => ear.heard.some(({ type, object, target }) => type === "Remove" && object === `${parent}new.txt` && target === parent));
    ear.close();
  });

  it("who may not read cannot subscribe", async ({ alice, bob }) => {
    const url = `${alice.pod}heard/private.txt`;
    await note(alice, url, "one");
    const service = await serviceFor(alice, url, "WebSocketChannel2023");
    const body = JSON.stringify({ "@context": ["https://www.w3.org/ns/solid/notification/v1"], type: `${notify}WebSocketChannel2023`, topic: url });
    const init = { method: "POST", headers: { "content-type": "application/ld+json" }, body };
    expect([(await bob.fetch(service, init)).status, (await fetch(service, init)).status]).toEqual([403, 401]);
    expect((await alice.fetch(service, init)).ok).toBe(true);
  });

  it("a friend who may read hears of changes, and of none after that is over", async ({ alice, bob }) => {
    const url = `${alice.pod}heard/friend.txt`;
    const beside = `${alice.pod}heard/beside.txt`;
    await note(alice, url, "one");
    await note(alice, beside, "one");
    for (const each of [url, beside]) await universalAccess.setAgentAccess(each, bob.webid, { read: true }, { fetch: alice.fetch });
    const [his, clock] = [await listen(bob, url), await listen(bob, beside)];
    await note(alice, url, "two");
    await until(() => about(his, "Update", url));
    await universalAccess.setAgentAccess(url, bob.webid, { read: false }, { fetch: alice.fetch });
    const before = his.heard.length;
    const hers = await listen(alice, url);
    await note(alice, url, "three");
    await until(() => about(hers, "Update", url));
    await note(alice, beside, "two");
    await until(() => about(clock, "Update", beside));
    expect(his.heard.slice(before)).toEqual([]);
    for (const ear of [his, clock, hers]) ear.close();
  });

  it("a change is heard by a stream over HTTP", async ({ alice }) => {
    const url = `${alice.pod}heard/streamed.txt`;
    await note(alice, url, "one");
    const from = await receiveFrom(await subscribe(alice, url, "StreamingHTTPChannel2023"));
    const stop = new AbortController();
    const answer = await alice.fetch(from, { signal: stop.signal });
    expect(answer.status).toBe(200);
    let text = "";
    const reading = (async () => {
      for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) text += Buffer.from(piece).toString();
    })().catch(() => undefined);
    await note(alice, url, "two");
    await until(() => /Update/.test(text) && text.includes(url));
    stop.abort();
    await reading;
  });

  it("a change is posted to the address that an app names", async ({ alice, receiver }) => {
    const url = `${alice.pod}heard/posted.txt`;
    await note(alice, url, "one");
    const answer = await subscribe(alice, url, "WebhookChannel2023", { sendTo: receiver.url });
    expect(answer.ok).toBe(true);
    expect(await answer.json()).toMatchObject({ topic: url, sendTo: receiver.url });
    await note(alice, url, "two");
    const messages = (): Message[] => receiver.bodies.map((body) => JSON.parse(body) as Message);
    await until(() => messages().some(({ type, object }) => type === "Update" && object === url));
  });

  it("an app loads again what another app has changed, as soon as it hears of it", async ({ alice, bob }) => {
    const list = sym(`${alice.pod}heard/list#it`);
    const line = (text: string): Statement => st(list, sym("http://purl.org/dc/terms/title"), literal(text), list.doc());
    const [mine, theirs] = [updaterOf(alice), updaterOf(bob)];
    await mine.update([], [line("milk")]);
    await universalAccess.setAgentAccess(list.doc().value, bob.webid, { read: true, write: true }, { fetch: alice.fetch });
    const ear = await listen(alice, list.doc().value);
    await theirs.update([], [line("bread")]);
    await until(() => about(ear, "Update", list.doc().value));
    await new Promise<void>((resolve, reject) => mine.reload(mine.store, list.doc(), (ok, message) => (ok ? resolve() : reject(new Error(message)))));
    expect(mine.store.each(list, sym("http://purl.org/dc/terms/title")).map((each) => each.value).sort()).toEqual(["bread", "milk"]);
    ear.close();
  });

  it("a type of channel that is not known is refused", async ({ alice }) => {
    const url = `${alice.pod}heard/type.txt`;
    await note(alice, url, "one");
    const service = await serviceFor(alice, url, "WebSocketChannel2023");
    const body = JSON.stringify({ "@context": ["https://www.w3.org/ns/solid/notification/v1"], type: `${notify}CarrierPigeon2023`, topic: url });
    const answer = await alice.fetch(service, { method: "POST", headers: { "content-type": "application/ld+json" }, body });
    expect(answer.status).toBe(422);
  });
});
