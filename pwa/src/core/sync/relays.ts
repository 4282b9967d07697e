/** The relays of this person: found, joined, left (docs/protocol.md, Relays; protocol §6). */

import { same } from "../bytes.ts";
import type { Stop } from "../env.ts";
import { KithError } from "../errors.ts";
import type { ContactId, Relay, Relays } from "../kith.ts";
import { contact } from "../pod/people.ts";
import { waiting } from "../pod/outbox.ts";
import { relaysPath } from "../pod/paths.ts";
import { type Refused, relayInfo } from "../relay/client.ts";
import { makeQueue } from "../relay/queue.ts";
import { maxRelays, type OldRelay, type PersonRelay, readRelays, type RelaySettings, relayUrl, tokenOf, writeRelays } from "../relay/settings.ts";
import type { DirectWay } from "./direct.ts";
import { type Said, saidSetting, turnOff, turnOn, type Waker, wakes } from "../wakes.ts";
import { ownRelays } from "./introduce.ts";
import type { Replies } from "./replies.ts";
import type { Session } from "./session.ts";
import { asideSetting, renewSetting, toldSetting } from "./waits.ts";
import { tellAll } from "../pod/letters.ts";

/** A relay that was left is read for so long: friends may not have heard of it, in milliseconds. */
const farewell = 15 * 86_400_000;
/** So long other devices of the person have for what this one might do too, in milliseconds. */
const hesitation = 10 * 60_000;
/** So long a person may think about whether to allow notifications, in milliseconds. */
const consideration = 30_000;

/** OwnRelays keeps the settings of the tree and the queues at the relays together. */
export class OwnRelays implements Relays {
  readonly #session: Session;
  readonly #replies: Replies;
  readonly #direct: DirectWay;
  #settings: RelaySettings | undefined;
  /** One change after another: each begins with what the one before has left. */
  #turn: Promise<void> = Promise.resolve();
  #tidying: Promise<void> | undefined;
  /** Relays that do not know the queue of the settings, and since when. */
  readonly #lost = new Map<string, number>();

  constructor(session: Session, replies: Replies, direct: DirectWay) {
    this.#session = session;
    this.#replies = replies;
    this.#direct = direct;
  }

  /** load reads the settings again, as another device or the pod may have written them, and listens where they say. */
  async load(): Promise<void> {
    const before = this.#settings;
    this.#settings = await ownRelays(this.#session.tree);
    for (const { url, queue } of this.#current) if (before?.relays.some((each) => each.url === url && each.queue !== queue) === true) this.#lost.delete(url);
    void this.#replies.follow([...new Set([...this.#current, ...this.#old].map(({ url }) => url))]);
  }

  has(url: string): boolean {
    return this.#current.some((each) => each.url === url);
  }

  list(): readonly Relay[] {
    return this.#current.map(({ url }) => ({ url, host: hostOf(url), ...this.#replies.standing(url), ...(this.#lost.has(url) && { state: "refused" as const }) }));
  }

  leaving(): readonly { readonly host: string; readonly until: number }[] {
    const left = this.#old.filter(({ url, until }) => !this.has(url) && until > this.#session.env.now());
    return left.map(({ url, until }) => ({ host: hostOf(url), until }));
  }

  get hop(): boolean {
    return this.#settings?.hop ?? true;
  }

  direct(cid: ContactId): boolean | undefined {
    const { env, store } = this.#session;
    return env.connecting === undefined || contact(store, cid).relays.length === 0 ? undefined : this.#direct.allows(cid);
  }

  async setDirect(cid: ContactId, on: boolean): Promise<void> {
    await this.#direct.allow(cid, on);
    for (const topic of ["friends", "outbox", "relays"] as const) this.#session.emit(topic);
  }

  async setHop(hop: boolean): Promise<void> {
    await this.#change(async (settings) => ({ ...settings, hop }), false);
  }

  get wakes(): boolean {
    return wakes(this.#session.store);
  }

  async canWake(): Promise<boolean> {
    return (await this.#session.env.waker?.()) !== undefined;
  }

  async setWakes(on: boolean, said: Said): Promise<void> {
    const { env, store, emit } = this.#session;
    const waker = await env.waker?.();
    const refused = (cause?: unknown): KithError => new KithError("no-wake", "wake: the browser gives no subscription", { cause });
    if (waker === undefined) throw refused();
    if (!on) await turnOff(store, waker);
    else if (this.wakes) await store.apply([{ set: saidSetting, value: said }]);
    else if (!(await this.#subscribed(waker, said).catch((cause: unknown) => Promise.reject(refused(cause))))) throw refused();
    emit("relays");
  }

  async #subscribed(waker: Waker, said: Said): Promise<boolean> {
    const { env, store } = this.#session;
    let stop: Stop = () => undefined;
    const late = new Promise<void>((resolve) => { stop = env.after(consideration, resolve); });
    return turnOn(store, waker, said, late).finally(stop);
  }

  async add(address: string, code?: string): Promise<void> {
    const url = addressOf(address);
    const { env } = this.#session;
    if (url === undefined) throw new KithError("no-relay", "add relay: it is no address");
    if (this.has(url)) return;
    if (this.#current.length >= maxRelays) throw new KithError("relay-full", `add relay: there are ${maxRelays}`);
    const info = await relayInfo(env, url);
    if ("refused" in info) throw new KithError(info.refused === 0 ? "relay-unreachable" : "no-relay", `add relay: ${info.refused}`);
    if (info.queues === "invite" && code === undefined) throw new KithError("relay-refused", "add relay: its operator wants a code");
    if (code !== undefined) await this.#replies.allow(url, code);
    await this.#change(async (settings) => ({ ...settings, relays: [...settings.relays, await this.#join(settings, url, code)] }), true);
  }

  async remove(url: string): Promise<void> {
    const until = this.#session.env.now() + farewell;
    await this.#change(async ({ relays, old, ...settings }) => {
      const left = relays.filter((each) => each.url === url).map((each): OldRelay => ({ ...each, secret: settings.secret, until }));
      return { ...settings, relays: relays.filter((each) => each.url !== url), old: [...left, ...old] };
    }, true);
  }

  async restore(url: string): Promise<void> {
    await this.#change(async ({ relays, old, ...settings }) => {
      const back = old.find((each) => each.url === url && same(each.secret, settings.secret));
      if (back === undefined || relays.some((each) => each.url === url)) return { ...settings, relays, old };
      const { queue, since } = back;
      return { ...settings, relays: [...relays, { url, queue, since }], old: old.filter((each) => each !== back) };
    }, true);
  }

  async suggested(): Promise<string | undefined> {
    const { env, pod } = this.#session;
    const pages = [...(pod === undefined ? [] : [`${pod.issuer}/`]), env.page].map((each) => new URL(each));
    const origins = new Set(pages.flatMap(({ protocol, origin }) => (protocol.startsWith("http") ? [`${origin}/`] : [])));
    for (const url of origins) {
      if (this.has(url)) continue;
      const info = await relayInfo(env, url);
      if (!("refused" in info) && info.queues !== "invite") return url;
    }
    return undefined;
  }

  /** appAt returns the address of a relay of theirs that hands out the app; undefined when none does. */
  async appAt(): Promise<string | undefined> {
    for (const { url } of this.#current) {
      const info = await relayInfo(this.#session.env, url);
      if (!("refused" in info) && info.app) return url;
    }
    return undefined;
  }

  /** lost notes that a relay does not know a queue: it lost what it had, or this device is not among its readers yet; or that it does. */
  async lost(url: string, queue: string, lost: boolean): Promise<void> {
    if (lost === this.#lost.has(url) || !this.#current.some((each) => each.url === url && each.queue === queue)) return;
    if (lost) this.#lost.set(url, this.#session.env.now());
    else this.#lost.delete(url);
    this.#session.emit("relays");
    await this.#rejoin();
  }

  /** rejoin makes a queue anew where one was lost. The send ids that friends know are the same there. Where there are other devices, one of
   * them may just be about to let this one in, or to do the same. */
  async #rejoin(): Promise<void> {
    const { env, list, store } = this.#session;
    // Where the secret is to be replaced, so is every queue.
    for (const [url, since] of store.get(renewSetting) === true ? [] : [...this.#lost]) {
      if (list.devices.length > 1 && env.now() - since < hesitation) continue;
      this.#lost.delete(url);
      await this.#change(async (settings) => {
        const anew = settings.relays.some((each) => each.url === url) ? await this.#join(settings, url) : undefined;
        return { ...settings, relays: settings.relays.map((each) => (anew !== undefined && each.url === url ? anew : each)) };
      }, false).catch(() => this.#lost.set(url, since));
    }
  }

  /** tidy drops queues that nobody writes to any more, and replaces a secret that a removed device knows. */
  tidy(): Promise<void> {
    this.#tidying ??= this.#tidy().finally(() => (this.#tidying = undefined));
    return this.#tidying;
  }

  async #tidy(): Promise<void> {
    const { env, store } = this.#session;
    // On a device that came from a backup the pod's settings may be newer than its own: those are the ones to change.
    const behind = store.get("pod") !== undefined && store.get("pod/cursor") === undefined;
    if (store.get(renewSetting) === true && !behind) await this.#renew();
    await this.#rejoin();
    if (store.get(asideSetting) !== undefined) await this.#reunite();
    if (this.#old.some(({ until }) => until <= env.now())) {
      await this.#change(async (settings) => ({ ...settings, old: settings.old.filter(({ until }) => until > env.now()) }), false);
    }
  }

  /** reunite takes up the relays that were set aside when the pod was paired: as they were where the pod has none, else beside the pod's, under
   * its secret, and the queues that friends know stay for a while. */
  async #reunite(): Promise<void> {
    const { env, store } = this.#session;
    const aside = readRelays(String(store.get(asideSetting)));
    if (store.get("pod") !== undefined && store.get("pod/cursor") === undefined) return;
    const there = this.#settings;
    if (aside !== undefined && there === undefined) await this.#change(async () => aside, true);
    if (aside !== undefined && there !== undefined) {
      const until = env.now() + farewell;
      await this.#change(async (settings) => {
        const missing = aside.relays.filter(({ url }) => !settings.relays.some((each) => each.url === url));
        const joined = await Promise.all(missing.map(({ url }) => this.#join(settings, url).catch(() => undefined)));
        const left = aside.relays.map((each): OldRelay => ({ ...each, secret: aside.secret, until }));
        const relays = [...settings.relays, ...joined.filter((each) => each !== undefined)].slice(0, maxRelays);
        return { ...settings, relays, old: [...left, ...aside.old, ...settings.old].slice(0, 4 * maxRelays) };
      }, true);
    }
    await store.apply([{ unset: asideSetting }]);
  }

  /** renew makes new queues under a new secret at every relay that can be reached; the others stay under the old one, to be left. */
  async #renew(): Promise<void> {
    const { env, store } = this.#session;
    const until = env.now() + farewell;
    await this.#change(async ({ secret, relays, old, ...settings }) => {
      const fresh = { ...settings, secret: env.random(32), relays: [], old: [] };
      const joined = await Promise.all(relays.map(({ url }) => this.#join(fresh, url).catch(() => undefined)));
      // Half a move would leave nobody a way here: it is tried again.
      if (relays.length > 0 && joined.every((each) => each === undefined)) throw new KithError("relay-unreachable", "renew secret: no relay is reached");
      const left = relays.map((each): OldRelay => ({ ...each, secret, until }));
      return { ...fresh, relays: joined.filter((each) => each !== undefined), old: [...left, ...old].slice(0, 4 * maxRelays) };
    }, true).then(() => store.apply([{ unset: renewSetting }]), () => undefined);
  }

  /** join makes a queue that all devices of this person may read. */
  async #join({ secret }: Pick<RelaySettings, "secret">, url: string, code?: string): Promise<PersonRelay> {
    const { env, list } = this.#session;
    const tokens = await Promise.all(list.devices.map(({ kid }) => tokenOf(secret, url, kid)));
    const made = await makeQueue(env, url, tokens, code === undefined ? {} : { invite: code });
    if ("refused" in made) throw failure(made);
    return { url, queue: made.queue, since: env.now() };
  }

  /** change writes the settings; with `tell`, every friend hears where this person is reached. */
  #change(change: (settings: RelaySettings) => Promise<RelaySettings>, tell: boolean): Promise<void> {
    const mine = this.#turn.then(() => this.#changed(change, tell));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #changed(change: (settings: RelaySettings) => Promise<RelaySettings>, tell: boolean): Promise<void> {
    const { env, tree } = this.#session;
    // Asking relays takes long, so it is done outside of the act.
    const before = (await ownRelays(tree)) ?? { secret: env.random(32), hop: true, relays: [], old: [] };
    const after = await change(before);
    await tree.act("other", async (batch) => {
      if (!waiting(tree.store).puts.has(relaysPath)) batch.set(toldSetting, await tree.text(relaysPath));
      await batch.putText(relaysPath, "application/json", writeRelays(after));
      for (const write of tell ? tellAll(this.#session) : []) batch.writes.push(write);
    });
    await this.load();
    for (const topic of ["relays", "posts", "outbox"] as const) this.#session.emit(topic);
  }

  get #current(): readonly PersonRelay[] {
    return this.#settings?.relays ?? [];
  }

  get #old(): readonly OldRelay[] {
    return this.#settings?.old ?? [];
  }
}

/** addressOf returns a relay's URL from what a person writes; undefined when it is none. Without a scheme it is one with TLS, unless it is on this machine. */
function addressOf(written: string): string | undefined {
  const tidy = written.trim();
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/i.test(tidy);
  const whole = /^https?:\/\//i.test(tidy) ? tidy : `http${loopback ? "" : "s"}://${tidy}`;
  if (!URL.canParse(whole)) return undefined;
  const { origin, pathname } = new URL(whole);
  return relayUrl(origin + pathname + (pathname.endsWith("/") ? "" : "/"));
}

function hostOf(url: string): string {
  const { host, pathname } = new URL(url);
  return host + pathname.replace(/\/$/, "");
}

function failure({ refused }: Refused): KithError {
  const code = refused === 403 ? "relay-refused" : refused === 507 || refused === 429 ? "relay-full" : "relay-unreachable";
  return new KithError(code, `make queue: ${refused}`);
}
