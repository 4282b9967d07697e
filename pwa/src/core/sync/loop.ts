/**
 * When to ask whom. Letters: as soon as they are written, and then whenever they are due. The pod: at once after each act, and while somebody looks, by waiting for it to speak.
 * Friends: while somebody looks, about once a minute. After failures ever more rarely.
 */

import type { Stop } from "../env.ts";
import { KithError } from "../errors.ts";
import { retryAfterOf } from "../ldp/errors.ts";
import { entries, ready } from "../pod/outbox.ts";
import { contactsOf } from "../pod/people.ts";
import type { Exchange } from "./exchange.ts";
import { hintedFriends } from "./hints.ts";
import { replicasOf } from "../loaded.ts";
import { others } from "./others.ts";
import type { Mail } from "./mail.ts";
import type { Reader } from "./reader.ts";
import type { Session } from "./session.ts";
import type { Talking } from "./talk.ts";
import { backOff, Wake } from "./wake.ts";

const minute = 60_000;
const hour = 60 * minute;
/** While a device link is open, the pod is asked this often who came. */
const doorbell = 2_000;
/** A pod that answers at once instead of waiting is asked no more often than this. */
const patience = 5_000;

/** Loop runs until `stop`. */
export class Loop {
  readonly #session: Session;
  readonly #exchange: Exchange;
  readonly #reader: Reader;
  readonly #mail: Mail;
  readonly #talk: Talking;
  readonly #podWake: Wake;
  readonly #friendsWake: Wake;
  readonly #mailWake: Wake;
  #stopWatching: Stop = () => undefined;
  #stopped = false;
  #failures = 0;
  /** Friends and where they are reached, when friends were asked last. */
  #known: ReadonlySet<string> = new Set();
  #ended: Promise<unknown> = Promise.resolve();

  constructor(session: Session, { exchange, reader, mail, talk }: { readonly exchange: Exchange; readonly reader: Reader; readonly mail: Mail; readonly talk: Talking }) {
    this.#session = session;
    this.#exchange = exchange;
    this.#reader = reader;
    this.#mail = mail;
    this.#talk = talk;
    this.#podWake = new Wake(session.env);
    this.#friendsWake = new Wake(session.env);
    this.#mailWake = new Wake(session.env);
  }

  /** start begins to ask. */
  start(): void {
    const { presence } = this.#session.env;
    this.#stopWatching = presence.watch(() => {
      this.#failures = 0;
      this.#reader.hurry();
      this.#mail.hurry();
      this.kick();
      this.#friendsWake.wake();
    });
    this.#known = this.#reachable();
    this.#followOthers();
    this.#ended = Promise.all([this.#followPod(), this.#followFriends(), this.#sendMail()]);
  }

  /** kick makes the pod and friends hear of an act now; with `answered`, also friends who could not be reached before. */
  kick(answered = false): void {
    if (answered) this.#mail.hurry();
    this.#followOthers();
    this.#podWake.wake();
    this.#mailWake.wake();
    this.#exchange.interrupt();
  }

  /** stop ends both loops; it resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopWatching();
    this.kick();
    this.#friendsWake.wake();
    await this.#ended;
    await this.#session.replicas?.then((replicas) => replicas.stop());
  }

  /** meet asks the person's other devices once, where there is no pod. */
  async meet(): Promise<void> {
    if (others(this.#session).length > 0) await (await replicasOf(this.#session)).once();
  }

  /** followOthers begins to follow them, and ends it when there is a pod, or they are none any more. */
  #followOthers(): void {
    const { replicas } = this.#session;
    if (this.#stopped || (replicas === undefined && others(this.#session).length === 0)) return;
    void replicasOf(this.#session).then((found) => (this.#stopped ? undefined : found.start(() => this.#podWake.wake()))).catch(ignore);
  }

  async #followPod(): Promise<void> {
    while (!this.#stopped) await this.#podWake.wait(await this.#askPod());
  }

  /** askPod exchanges once and returns after how many milliseconds to do so again; undefined: when woken. */
  async #askPod(): Promise<number | undefined> {
    const { env, store, pod } = this.#session;
    const { presence } = env;
    if (pod === undefined || !presence.online()) {
      // What a friend left may have come by another way.
      if (pod === undefined) await this.#exchange.run(true);
      this.#greet();
      return undefined;
    }
    const error = await this.#exchange.run(true);
    this.#greet();
    if (error !== undefined) return Math.max(backOff(env, this.#failures++), retryAfterOf(error) ?? 0);
    this.#failures = 0;
    const waits = entries(store);
    if (ready(waits, env.now()).length > 0) return doorbell;
    if (this.#stopped || !presence.visible()) return waits.length > 0 ? minute : undefined;
    if (store.names("link/").length > 0) return doorbell;
    await this.#askHinted();
    const began = env.now();
    const heard = await this.#exchange.listen();
    this.#greet();
    return heard || env.now() - began > patience ? 0 : patience;
  }

  /** askHinted asks the friends of whom the pod has heard that they have something new. */
  async #askHinted(): Promise<void> {
    const friends = await hintedFriends(this.#session).catch(ignore);
    for (const cid of friends ?? []) void this.#reader.refresh(cid);
  }

  /** greet asks friends at once when there is a new one, or one who is reached elsewhere. */
  #greet(): void {
    const now = this.#reachable();
    if ([...now].some((each) => !this.#known.has(each))) this.#friendsWake.wake();
    this.#known = now;
  }

  #reachable(): ReadonlySet<string> {
    const places = contactsOf(this.#session.store).flatMap(({ cid, way, relays }) => [...(way === undefined ? [] : [way.pod]), ...relays.map(({ relay }) => relay)].map((at) => `${cid} ${at}`));
    return new Set(places);
  }

  async #sendMail(): Promise<void> {
    while (!this.#stopped) {
      const next = this.#session.env.presence.online() ? await this.#mail.send(true) : undefined;
      if (!this.#stopped) await this.#mailWake.wait(next);
    }
  }

  async #followFriends(): Promise<void> {
    const { env } = this.#session;
    while (!this.#stopped) {
      await this.#talk.expire();
      const ask = env.presence.online() && env.presence.visible();
      if (ask) await this.#reader.refresh(undefined, true);
      await this.#friendsWake.wait(ask ? minute * (0.75 + (env.random(1)[0] ?? 0) / 512) : hour);
    }
  }
}

/** A pod that does not tell its hints now is asked again. */
function ignore(error: unknown): undefined {
  if (!(error instanceof KithError)) throw error;
}
