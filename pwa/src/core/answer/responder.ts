/**
 * Responder answers for a person from this device's own store, by the same rules and with the same bytes as their pod
 * (docs/protocol.md, What every responder computes alike). It knows nothing of how requests arrive.
 */

import { b64u, type Bytes, fromB64u, utf8 } from "../bytes.ts";
import type { Stop } from "../env.ts";
import type { ContactId } from "../kith.ts";
import { relaysPath } from "../pod/paths.ts";
import { knownOf } from "../pod/traces.ts";
import type { Reading } from "../pod/reading.ts";
import type { Net } from "../relay/client.ts";
import type { Mailbox } from "../relay/mailbox.ts";
import { cursorKeyOf, readRelays } from "../relay/settings.ts";
import type { SealedRequest } from "../sealed/request.ts";
import type { SealedResponse } from "../sealed/answer.ts";
import type { Label } from "../webid/key.ts";
import { type Representation, send } from "./content.ts";
import { covers, Cursors, DeviceKeys, type Seen } from "./cursor.ts";
import { door, type WaysFor } from "./door.ts";
import { feed } from "./feed.ts";
import { type Agent, Judge, type Realm } from "./judge.ts";
import { exists, list, listingText, referenceTo, representationTag } from "./listing.ts";
import { isContainer, pathOf, twinOf } from "./names.ts";
import type { Once } from "./once.ts";
import { feedQuery } from "./query.ts";
import type { OwnQueue } from "./queues.ts";
import { type Target, targetOf } from "./reach.ts";
import { problem, Refusal } from "./refusal.ts";
import { has, read } from "./rules.ts";

/** House is whose tree is answered from, and who is told of what happens. */
export interface House {
  readonly tree: Reading;
  readonly label: Label;
  /** Other addresses of the tree, each with a slash at its end, by which documents may name things in it. */
  readonly aliases: readonly string[];
  readonly waysFor: WaysFor;
  /** Calls `changed` after each change of the tree. Without it nobody waits for news. */
  readonly watch?: (changed: () => void) => Stop;
  readonly taking: () => Promise<Taking>;
  /** A friend has something new. */
  readonly hinted: (cid: ContactId) => void;
  /** Somebody left something at that path. */
  readonly left: (path: string) => void;
  /** Answers what a pod answers the owner's devices; undefined where only a pod can. */
  readonly own?: (agent: Agent, request: SealedRequest) => Promise<SealedResponse | Representation | undefined>;
  /** Hears what somebody asks who says to be a device of the person and is none that is known; there is no answer. True where it has to wait for a page. */
  readonly unlisted?: (request: SealedRequest) => Promise<unknown>;
  /** Takes a friend's offer of a direct connection; undefined where there is to be none. Absent where there can be none. */
  readonly direct?: (cid: ContactId, offer: string) => Promise<string | undefined>;
}

/** Taking is what is not needed by those who only ask: what others bring is taken in, what they may not read any more is taken back
 * and what the person may not read any more dropped, and relays are told who may bring something. */
export interface Taking {
  /** Answers the acceptance of an invite that this device holds; undefined for any other. */
  accept(id: string, body: Bytes): Promise<Bytes | undefined>;
  /** Takes a message to that path, and answers it; what is refused, too. */
  leave(realm: Realm, path: string, asked: Asked): Promise<SealedResponse>;
  /** Drops the keys of friends' posts whose leases ran out. */
  lapse(): Promise<void>;
  /** Takes back answers that wait (late.ts). */
  takeBack(realm: Realm, net: Net): Promise<void>;
  /** Tells a relay who may leave messages in a queue, and who reads it (queues.ts). */
  register(mailbox: Mailbox, queue: OwnQueue): Promise<boolean>;
}

/** Asked is a request whose maker is known. */
export interface Asked {
  readonly agent: Agent;
  readonly request: SealedRequest;
  readonly once?: Once | undefined;
}

/** The longest offer of a direct connection that is read, in bytes. */
const maxOffer = 16 << 10;
const cursorKeySetting = "cursor/key";
const behindFor = { "Retry-After": "30" };

/** Responder answers requests, several at a time. */
export class Responder {
  readonly realm: Realm;
  readonly #house: House;

  constructor(house: House) {
    this.#house = house;
    this.realm = { store: house.tree.store, base: `https://${house.label}.kith.invalid/`, aliases: house.aliases };
  }

  /** answer returns the answer; undefined where only another device can give one. Rejects when the store fails. */
  async answer({ agent, request, once }: Asked): Promise<SealedResponse | undefined> {
    const target = targetOf(agent, request);
    try {
      const answer = await this.#reached(target, agent, request, once);
      answer?.headers.set("Kith-By", this.#house.tree.device);
      return answer;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const refused = problem(error);
      refused.headers.set("Kith-By", this.#house.tree.device);
      return refused;
    }
  }

  async #reached(target: Target, agent: Agent, request: SealedRequest, once: Once | undefined): Promise<SealedResponse | undefined> {
    switch (target.kind) {
      case "elsewhere": return this.#own(agent, request);
      case "refused": return empty(target.status);
      case "invite": return this.#invite(target.id, request.body);
      case "hint": return this.#hint(agent);
      case "direct": return this.#direct(agent, request.body);
      case "message": return this.#message(target.path, { agent, request, once });
    }
    await this.#checkHeader(agent, request);
    if (target.kind === "resource") return this.#resource(target, agent, request);
    const judge = new Judge(this.realm, agent);
    return send(request, target.kind === "door" ? await this.#door(judge) : await this.#feed(judge, target.query));
  }

  async #invite(id: string, body: Bytes): Promise<SealedResponse> {
    const answer = await (await this.#house.taking()).accept(id, body);
    if (answer === undefined) throw new Refusal("invite");
    return { status: 200, headers: new Headers({ "Content-Type": "application/octet-stream" }), bytes: answer };
  }

  async #own(agent: Agent, request: SealedRequest): Promise<SealedResponse | undefined> {
    const own = await this.#house.own?.(agent, request);
    return own !== undefined && "etag" in own ? send(request, own) : own;
  }

  #hint(agent: Agent): SealedResponse {
    if (agent.kind === "contact") this.#house.hinted(agent.cid);
    return empty(204);
  }

  /** direct answers an offer; that there is to be no connection looks like anything that is out of reach. Where none can be made another
   * device may. */
  async #direct(agent: Agent, offer: Bytes): Promise<SealedResponse | undefined> {
    const { direct } = this.#house;
    if (direct === undefined) return undefined;
    const answer = agent.kind === "contact" ? await direct(agent.cid, String.fromCharCode(...offer.subarray(0, maxOffer))) : undefined;
    if (answer === undefined) return empty(403);
    return { status: 200, headers: new Headers({ "Content-Type": "application/sdp" }), bytes: utf8(answer) };
  }

  async #message(escaped: string, asked: Asked): Promise<SealedResponse> {
    const path = pathOf(escaped);
    const answer = await (await this.#house.taking()).leave(this.realm, path, asked);
    if (answer.status < 400) this.#house.left(path);
    return answer;
  }

  #door({ agent }: Judge): Promise<Representation> {
    const { tree, label, waysFor } = this.#house;
    if (agent.kind === "nobody") throw new Refusal("unauthenticated");
    return door(tree, label, waysFor, agent);
  }

  async #feed(judge: Judge, query: string): Promise<Representation> {
    const { tree: { store, env } } = this.#house;
    const cursors = await this.#cursors();
    const asked = feedQuery(query);
    const patient = this.#house.watch === undefined ? { ...asked, wait: 0 } : asked;
    return feed({ store, judge, cursors, checkSeen: (seen) => this.#checkSeen(seen), wait: (milliseconds) => this.changed(milliseconds), now: env.now }, patient);
  }

  async #resource({ path: escaped, query }: { readonly path: string; readonly query: string }, agent: Agent, request: SealedRequest): Promise<SealedResponse> {
    const { store } = this.realm;
    const judge = new Judge(this.realm, agent);
    const path = pathOf(escaped);
    if (!exists(store, path)) return this.#absent(judge, path, query);
    const modes = await judge.modes(path);
    if (modes === 0) throw await judge.absent(path);
    if (!has(modes, read)) throw judge.refusal();
    return send(request, isContainer(path) ? await this.#container(judge, path) : this.#stored(path));
  }

  async #absent(judge: Judge, path: string, query: string): Promise<SealedResponse> {
    const twin = twinOf(path);
    if (twin === undefined || !exists(this.realm.store, twin) || !has(await judge.modes(twin), read)) throw await judge.absent(path);
    const location = `${isContainer(twin) ? "" : "."}${referenceTo(twin)}${query === "" ? "" : `?${query}`}`;
    return { status: 301, headers: new Headers({ Location: location }), bytes: new Uint8Array(0) };
  }

  async #container(judge: Judge, path: string): Promise<Representation> {
    const listing = await list(this.realm.store, judge, path);
    const bytes = utf8(listingText(listing));
    const { modified, etag } = listing.self;
    return { type: "application/ld+json", etag: representationTag(etag), modified, dated: false, size: bytes.length, bytes: async () => bytes };
  }

  #stored(path: string): Representation {
    const { store } = this.realm;
    const row = store.row(path);
    // The bytes may be on another device of this person, which answers later.
    if (row === undefined || !row.here) throw new Refusal("behind", behindFor);
    const { type, etag, modified, size } = row;
    const bytes = async (): Promise<Bytes> => {
      const found = await store.bytes(path);
      if (found === undefined || store.row(path)?.etag !== etag) throw new Refusal("behind", behindFor);
      return found;
    };
    return { type, etag, modified, dated: true, size, bytes };
  }

  /** checkHeader refuses a request of somebody who has seen more than this device has (docs/protocol.md, Cursors). */
  async #checkHeader(agent: Agent, { headers }: SealedRequest): Promise<void> {
    const written = headers.get("Kith-Seen");
    if (written === null) return;
    const position = await (await this.#cursors()).read(agent, written).catch((error: unknown) => {
      if (error instanceof Refusal) return undefined;
      throw error;
    });
    if (position !== undefined) await this.#checkSeen(position.seen);
  }

  async #checkSeen(seen: Seen): Promise<void> {
    const keys = new DeviceKeys();
    const known = new Map<string, number>();
    for (const [device, counter] of Object.entries(knownOf(this.realm.store))) known.set((await keys.of({ device, counter })).device, counter);
    const lags = [...seen].some(([device, counter]) => !covers(known, { device, counter }));
    if (lags) throw new Refusal("behind", behindFor);
  }

  async #cursors(): Promise<Cursors> {
    const { tree } = this.#house;
    const relays = readRelays((await tree.text(relaysPath)) ?? "");
    const key = relays === undefined ? await this.#ownKey() : await cursorKeyOf(relays.secret);
    return Cursors.open(key, tree.device, tree.env.now);
  }

  /** ownKey is the key of cursors while there is no other responder to share one with. */
  async #ownKey(): Promise<Bytes> {
    const { tree: { store, env } } = this.#house;
    const kept = fromB64u(String(store.get(cursorKeySetting) ?? ""));
    if (kept?.length === 32) return kept;
    const key = env.random(32);
    await store.apply([{ set: cursorKeySetting, value: b64u(key) }]);
    return key;
  }

  /** changed resolves when something in the tree has changed, or after so many milliseconds. */
  changed(milliseconds: number): Promise<void> {
    const { tree: { env }, watch } = this.#house;
    return new Promise((resolve) => {
      const ends: Stop[] = [];
      const end = (): void => {
        for (const stop of ends) stop();
        resolve();
      };
      ends.push(env.after(milliseconds, end), watch?.(end) ?? (() => undefined));
    });
  }
}

function empty(status: number): SealedResponse {
  return { status, headers: new Headers(), bytes: new Uint8Array(0) };
}
