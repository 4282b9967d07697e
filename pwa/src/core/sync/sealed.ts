/**
 * Asking by sealed requests that relays bring to whoever is awake (protocol §5, §6). It is loaded when there is a way that leads through
 * a relay.
 *
 * Who is awake answers while the relay holds the request open. Else the relay keeps it: then it waits here too, with what opens its
 * answer, over restarts; after ten minutes it is left at the next relay of the same person, with the same nonce; an answer that comes
 * later is kept for the next who asks the same.
 */

import { b64u, type Bytes, fromB64u, readText, utf8 } from "../bytes.ts";
import type { Env, Stop } from "../env.ts";
import { cancel, post } from "../relay/client.ts";
import { given } from "../given.ts";
import { KithError } from "../errors.ts";
import { allowed, type Asking } from "../ldp/client.ts";
import { codeOf, Failure, retryAfter, type Role } from "../ldp/errors.ts";
import type { Answer } from "../ldp/wire.ts";
import { waiting } from "../pod/outbox.ts";
import { cardPath, relaysPath } from "../pod/paths.ts";
import { readRelays, sendOf } from "../relay/settings.ts";
import { contact } from "../pod/people.ts";
import type { ContactId } from "../kith.ts";
import type { Did } from "../webid/key.ts";
import { answerId, openAnswer, type SealedResponse } from "../sealed/answer.ts";
import { inPieces } from "../sealed/pieces.ts";
import { type Pending, type SealedRequest, sealRequest, type Sealing } from "../sealed/request.ts";
import type { RelayWay } from "../webid/way.ts";
import { DirectWay } from "./direct.ts";
import { envelopeFor, envelopeWithin, ownSender } from "./envelopes.ts";
import { ownRelays } from "./introduce.ts";
import { bodyOf, keyOf, Ledger } from "./ledger.ts";
import { Leaving } from "./leaving.ts";
import type { Carrier, Stranger, Whom } from "./reach.ts";
import { OwnRelays } from "./relays.ts";
import { Replies } from "./replies.ts";
import type { Session } from "./session.ts";
import { inParts } from "./parts.ts";
import { type Asked, toldSetting } from "./waits.ts";

/** After so long a request is left at the next relay, and when all have it, at the first again, in milliseconds. */
const next = 10 * 60_000;
const again = 24 * 3600_000;
/** Who has answered something so long after a request was left has seen that too, in milliseconds. */
const grace = 5_000;
/** How often it is looked whether something is due. */
const glance = 60_000;
/** How long a request lives at most. */
const lifetime = 14 * 86_400_000;
/** What is to be done soon or not at all is good for so long: clocks may differ by a part of it. */
const briefly = 5 * 60_000;
/** Seconds that a relay holds a request open: long enough for a device that it wakes. A pod that is asked to wait for news may do so for
 * a little less than the relay waits for it. */
const hold = { friend: 12, pod: 25 };
/** Who did not answer a moment ago sleeps: more that they are asked is only left there. In milliseconds, and in seconds. */
const moment = 30_000;
const knock = 1;
const held = 15;

/** To is somebody who is asked: who they are here, the ways to them, and what their requests are sealed with. */
interface To {
  readonly whom: Whom | string;
  readonly name?: string | undefined;
  readonly role: Role;
  readonly ways: readonly RelayWay[];
  readonly sealing: Pick<Sealing, "to" | "from" | "label">;
  /** Another device of this person: it answers within so many seconds, or is asked anew. */
  readonly patience?: number;
  /** It is answered soon or not at all (Asking). */
  readonly brief?: boolean | undefined;
}

/** Sealed is the carrier. */
export class Sealed implements Carrier {
  readonly relays: OwnRelays;
  readonly direct: DirectWay;
  readonly #session: Session;
  readonly #ledger: Ledger;
  readonly #replies: Replies;
  readonly #leaving: Leaving;
  readonly #heard: (whom: string) => void;
  readonly #under = new Map<string, Promise<SealedResponse>>();
  readonly #bad = new Map<string, number>();
  readonly #asleep = new Map<string, number>();
  /** Late answers to nothing that is known yet, the last few. */
  #early: readonly Bytes[] = [];
  /** When each answered last. */
  readonly #awake = new Map<string, number>();
  #timer: Stop = () => undefined;

  private constructor(session: Session, heard: (whom: string) => void) {
    const { env, store, tree } = session;
    this.#session = session;
    this.#heard = heard;
    this.#ledger = new Ledger(session);
    this.#replies = new Replies(env, store, (answer) => this.#late(answer), () => session.emit("relays"));
    this.#leaving = new Leaving(env, store, () => ownRelays(tree), (url, status) => this.#trouble(url, status));
    this.direct = new DirectWay(session, (cid, offer) => this.#introduce(cid, offer));
    this.relays = new OwnRelays(session, this.#replies, this.direct);
  }

  /** open begins to listen for late answers, until `closing`; `heard` is told of whom there is something to ask again. */
  static async open(session: Session, closing: AbortSignal, heard: (whom: string) => void): Promise<Sealed> {
    const sealed = new Sealed(session, heard);
    await sealed.relays.load();
    session.relaysHeard = async () => {
      await sealed.relays.load();
      void sealed.relays.tidy();
    };
    session.overtaken = () => sealed.#sweep();
    const unwatch = session.env.presence.watch(() => sealed.#wake());
    closing.addEventListener("abort", () => (unwatch(), sealed.#timer(), sealed.#replies.stop(), sealed.direct.stop()), { once: true });
    if (!closing.aborted) sealed.#tick();
    return sealed;
  }

  async ask(whom: Whom, asking: Asking, role: Role): Promise<Answer> {
    const { store } = this.#session;
    const ways = whom === "me" ? await this.#ownWays() : contact(store, whom).relays;
    return this.#ask({ whom, role, ways, sealing: await envelopeFor(this.#session, whom), brief: asking.brief }, asking);
  }

  appAt(): Promise<string | undefined> {
    return this.relays.appAt();
  }

  async askStranger({ label, key, relays, name, called }: Stranger, asking: Asking, role: Role): Promise<Answer> {
    return this.#ask({ whom: name, name: called, role, ways: relays, sealing: { label, to: [{ key }] } }, asking);
  }

  async askDevice(device: Did, asking: Asking, patience: number): Promise<Answer> {
    const sealing = await envelopeWithin(this.#session, ({ kid }) => kid === device);
    return this.#ask({ whom: `device ${device}`, role: "pod", ways: await this.#ownWays(), sealing, patience }, asking);
  }

  async tell(ways: readonly RelayWay[], key: Did, asking: Asking): Promise<boolean> {
    const from = await ownSender(this.#session);
    const request = this.#requestOf({ whom: "me" }, asking);
    for (const way of ways) {
      const { message } = await sealRequest(this.#session.env, { label: from.label, to: [{ key }], from, request });
      if (!("refused" in (await this.#leaving.leave(way, message, 0)))) return true;
    }
    return false;
  }

  /** ownWays lead to the own pod: those of the settings once they are here, before that those of the link. A pod that has not been told of new queues
   * reads those that it knows, and nothing else. */
  async #ownWays(): Promise<readonly RelayWay[]> {
    const { tree, store, pod } = this.#session;
    const settings = waiting(store).puts.has(relaysPath) ? readRelays(String(store.get(toldSetting))) : await ownRelays(tree);
    const ways = await Promise.all((settings?.relays ?? []).map(async ({ url }) => ({ relay: url, send: b64u(await sendOf(settings?.secret ?? new Uint8Array(0), url, "own")) })));
    return ways.length > 0 ? ways : (pod?.via ?? []);
  }

  async #ask(to: To, asking: Asking): Promise<Answer> {
    const { method, max = 1 << 20, allow, signal } = asking;
    const used: string[] = [];
    const one = (request: SealedRequest): Promise<SealedResponse> => this.#one(to, request, used, signal);
    try {
      const request = this.#requestOf(to, asking);
      const response = await (method === "GET" ? inPieces(request, max, one) : inParts(request, one));
      await this.#ledger.forget(to.whom, used);
      return answerOf(response, to.role, allow, `${method} ${to.role}`, this.#session.env.now());
    } catch (error) {
      // Pieces that came stay for when the rest has come.
      if (!(error instanceof KithError && error.code === "waiting")) await this.#ledger.forget(to.whom, used);
      throw error;
    }
  }

  #requestOf({ whom }: Pick<To, "whom">, asking: Asking): SealedRequest {
    const { method, headers = {}, body } = asking;
    if (!("path" in asking)) throw new KithError("pod-unreachable", "ask through relays: it is not below the pod");
    const cursor = this.#session.store.get(`peer/${whom}/cursor`) as string | undefined;
    const path = `/${asking.path.replace(/([?&]wait=)\d+/, `$1${held}`)}`;
    const seen = cursor === undefined || !path.startsWith("/social/") ? {} : { "Kith-Seen": cursor };
    return { method, path, headers: new Headers({ ...headers, ...seen }), body: bodyOf(body) };
  }

  /** one asks for one message's worth: first what was answered meanwhile, then along with others who ask the same. */
  async #one(to: To, request: SealedRequest, used: string[], signal?: AbortSignal): Promise<SealedResponse> {
    const key = await keyOf(request);
    used.push(key);
    const kept = await this.#ledger.kept(to.whom, key);
    if (kept !== undefined) return kept;
    const name = `${to.whom} ${key}`;
    const under = this.#under.get(name) ?? this.#send(to, key, request, signal).finally(() => this.#under.delete(name));
    this.#under.set(name, under);
    const response = await under;
    if (response.status === 206) await this.#ledger.keep(to.whom, key, response);
    return response;
  }

  async #send(to: To, key: string, request: SealedRequest, signal?: AbortSignal): Promise<SealedResponse> {
    const { env } = this.#session;
    const asked = this.#ledger.find(to.whom, key);
    // What the own pod is asked for it can be asked for again; only what it shall do is worth keeping.
    const lasting = to.patience === undefined && to.brief !== true && (to.whom !== "me" || request.method !== "GET");
    const nonce = (asked && fromB64u(asked.nonce)) ?? env.random(16);
    const expires = asked?.expires ?? env.now() + (to.brief === true ? briefly : lifetime);
    const near = await this.#near(to, { ...to.sealing, request, nonce, expires });
    if (near !== undefined) return this.#answered(asked, near);
    if (asked !== undefined && !due(asked, to.ways, env.now(), this.#awake.get(to.whom))) throw waits(to.role);
    let asleep = false;
    for (const [turn, way] of this.#inOrder(to.ways, asked).entries()) {
      const reply = lasting ? await this.#replies.address(to.whom, (asked?.sent.length ?? 0) + turn) : undefined;
      const { message, pending } = await sealRequest(env, { ...to.sealing, request, reply, nonce, expires });
      const posted = await this.#leaving.leave(way, message, this.#patience(to), signal);
      if (signal?.aborted === true) break;
      const response = "answer" in posted ? await openAnswer(pending, posted.answer) : undefined;
      if (response !== undefined) {
        this.#asleep.delete(to.whom);
        this.#awake.set(to.whom, env.now());
        if (isFriend(to)) void this.direct.meet(to.whom);
        return this.#answered(asked, response);
      }
      if ("cancel" in posted) {
        asleep = true;
        this.#asleep.set(to.whom, env.now());
        const sent = { at: env.now(), ...way, cancel: posted.cancel, pending };
        if (reply !== undefined) await this.#note(to, key, request, asked, { nonce: b64u(nonce), expires }, sent);
        else void this.#leaving.takeBack(sent);
        if (to.brief === true) break;
        if (reply !== undefined || !lasting) throw waits(to.role);
      }
    }
    if (asked !== undefined) throw waits(to.role);
    throw new Failure(asleep && to.brief !== true ? "asleep" : `${to.role}-unreachable`, "ask through relays", 0);
  }

  /** near asks a friend over a direct connection, where there is one. */
  async #near(to: To, sealing: Sealing): Promise<SealedResponse | undefined> {
    if (!isFriend(to) || !this.direct.has(to.whom)) return undefined;
    const { message, pending } = await sealRequest(this.#session.env, sealing);
    const answer = await this.direct.ask(to.whom, message);
    return answer && openAnswer(pending, answer);
  }

  /** introduce asks a friend's devices for a direct connection: the answer of one to an offer. */
  async #introduce(cid: ContactId, offer: string): Promise<string | undefined> {
    const request = { method: "POST", path: "/.rtc", headers: new Headers({ "Content-Type": "application/sdp" }), body: utf8(offer) };
    const { message, pending } = await sealRequest(this.#session.env, { ...(await envelopeFor(this.#session, cid)), request });
    for (const way of contact(this.#session.store, cid).relays) {
      const posted = await this.#leaving.leave(way, message, hold.friend);
      if ("cancel" in posted) return void this.#leaving.takeBack({ at: 0, ...way, cancel: posted.cancel, pending });
      const response = "answer" in posted ? await openAnswer(pending, posted.answer) : undefined;
      if (response !== undefined) return response.status === 200 ? readText(response.bytes) : undefined;
    }
    return undefined;
  }

  #patience({ whom, role, patience }: To): number {
    if (patience !== undefined) return patience;
    return this.#session.env.now() - (this.#asleep.get(whom) ?? -Infinity) < moment ? knock : hold[role];
  }

  /** inOrder returns the ways that were not tried, then those tried longest ago; relays that failed lately come last. */
  #inOrder(ways: readonly RelayWay[], asked: Asked | undefined): readonly RelayWay[] {
    const { env } = this.#session;
    const last = ({ relay }: RelayWay): number => asked?.sent.findLast((each) => each.relay === relay)?.at ?? 0;
    const bad = ({ relay }: RelayWay): number => (env.now() - (this.#bad.get(relay) ?? -Infinity) < next ? 1 : 0);
    return [...ways].sort((a, b) => bad(a) - bad(b) || last(a) - last(b));
  }

  async #note(to: To, key: string, { method, path }: SealedRequest, asked: Asked | undefined, { nonce, expires }: Pick<Pending, "nonce" | "expires">, sent: Asked["sent"][number]): Promise<void> {
    const { env } = this.#session;
    const fresh = { id: b64u(env.random(16)), whom: to.whom, name: to.name, key, method, path, nonce, since: env.now(), expires };
    const earlier = asked?.sent ?? [];
    for (const old of this.#ledger.superseded(fresh)) await this.#drop(old);
    // The same message twice in one queue would be answered twice.
    for (const twin of earlier.filter(({ relay }) => relay === sent.relay)) void this.#leaving.takeBack(twin);
    const others = earlier.filter(({ relay }) => relay !== sent.relay);
    await this.#ledger.note(given({ ...(asked ?? fresh), sent: [...others, sent] }) as Asked);
    this.#session.emit("outbox");
    const early = this.#early;
    this.#early = [];
    for (const answer of early) await this.#late(answer);
  }

  async #drop(asked: Asked): Promise<void> {
    await this.#ledger.drop(asked);
    for (const sent of asked.sent) void this.#leaving.takeBack(sent);
    this.#session.emit("outbox");
  }

  async #answered(asked: Asked | undefined, response: SealedResponse): Promise<SealedResponse> {
    if (asked !== undefined) await this.#drop(asked);
    return response;
  }

  /** late takes an answer that came to a queue of this device. What answers nothing is kept for a moment: the request may be about to
   * be noted, where the relay ended the wait for its answer just before that came. */
  async #late(answer: Bytes): Promise<void> {
    const found = this.#ledger.awaiting(answerId(answer) ?? "");
    if (found === undefined) this.#early = [...this.#early.slice(-15), answer];
    const response = found && (await openAnswer(found.pending, answer));
    if (found === undefined || response === undefined) return;
    const { asked } = found;
    this.#asleep.delete(asked.whom);
    await this.#ledger.answer(asked, response);
    for (const sent of asked.sent) void this.#leaving.takeBack(sent);
    this.#session.emit("outbox");
    this.#heard(asked.whom);
  }

  #trouble(url: string, status: number): void {
    if (status === 200) this.#bad.delete(url);
    else if (status === 0 || status >= 500) this.#bad.set(url, this.#session.env.now());
    if (this.relays.has(url)) this.#replies.trouble(url, status);
  }

  #wake(): void {
    if (!this.#session.env.presence.online()) return;
    this.#replies.wake();
    void this.relays.load();
  }

  /** sweep ends the waiting of what has run out, and of what nobody wants any more. */
  async #sweep(): Promise<void> {
    const { store, emit } = this.#session;
    const known = (whom: string): boolean => whom === "me" || whom.includes(" ") || store.row(cardPath(whom as ContactId)) !== undefined;
    const over = await this.#ledger.sweep(known);
    for (const { sent } of over) for (const each of sent) void this.#leaving.takeBack(each);
    if (over.length > 0) emit("outbox");
  }

  /** tick looks once a minute for what has run out, and for what is to be sent again: whoever asked it asks once more. */
  #tick(): void {
    const { env } = this.#session;
    this.#timer = env.after(glance, () => this.#tick());
    if (!env.presence.online()) return;
    void this.#sweep().then(() => {
      for (const whom of new Set(this.#ledger.all().filter(({ sent }) => env.now() - (sent.at(-1)?.at ?? 0) > next).map((each) => each.whom))) this.#heard(whom);
    });
    void this.relays.tidy();
  }
}

function isFriend(to: To): to is To & { readonly whom: ContactId } {
  return to.role === "friend" && !to.whom.includes(" ");
}

/** askOnce asks a pod by way of relays for somebody who keeps nothing yet; it rejects with `waiting` when the pod does not answer at once. */
export async function askOnce(env: Env, ways: readonly RelayWay[], to: Pick<Sealing, "to" | "from" | "label">, asking: Asking): Promise<Answer> {
  const { method, headers = {}, body, allow } = asking;
  if (!("path" in asking)) throw new KithError("pod-unreachable", "ask through relays: it is not below the pod");
  const request = { method, path: `/${asking.path}`, headers: new Headers(headers), body: bodyOf(body) };
  for (const { relay, send } of ways) {
    const { message, pending } = await sealRequest(env, { ...to, request });
    const posted = await post(env, relay, fromB64u(send) ?? new Uint8Array(0), message, hold.friend);
    if ("cancel" in posted) {
      void cancel(env, relay, fromB64u(send) ?? new Uint8Array(0), posted.cancel);
      throw waits("pod");
    }
    const response = "answer" in posted ? await openAnswer(pending, posted.answer) : undefined;
    if (response !== undefined) return answerOf(response, "pod", allow, `${method} pod`, env.now());
  }
  throw new Failure("pod-unreachable", "ask through relays", 0);
}

/** due tells whether a request is to be left somewhere again; `answered` is when whoever is asked answered anything last. */
function due({ sent }: Asked, ways: readonly RelayWay[], now: number, answered = -Infinity): boolean {
  // They are awake and passed it over: it was declined, such as for being made by a key that they had not heard of.
  if (answered > (sent.at(-1)?.at ?? 0) + grace) return true;
  // Where it was left nobody may read any more: they are reached elsewhere since.
  if (!sent.some((each) => ways.some(({ relay, send }) => relay === each.relay && send === each.send))) return true;
  const rested = now - (sent.at(-1)?.at ?? 0);
  const fresh = ways.some(({ relay }) => !sent.some((each) => each.relay === relay));
  return rested > (fresh ? next : again);
}

function waits(role: Role): Failure {
  return new Failure("waiting", `ask ${role} through relays`, 0);
}

function answerOf({ status, headers, bytes }: SealedResponse, role: Role, allow: readonly number[] | undefined, what: string, now: number): Answer {
  if (!allowed(status, allow)) throw new Failure(codeOf(status, role), what, status, { retryAfter: retryAfter(headers, now) });
  return { status, headers, bytes };
}
