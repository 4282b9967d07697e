/**
 * Answering connects a Responder with the person's mailboxes: what friends left at relays is claimed, opened, answered and
 * acknowledged; what cannot be opened here is declined (docs/protocol.md, Relays, Sealed requests).
 *
 *     message → claim → open → answer ─┬─ reply, to who waits ─┬─ ack
 *                  │       │           └─ post to Kith-Reply ──┘
 *                taken  decline          neither could be done: release
 */

import type { Bytes } from "../bytes.ts";
import type { ContactId } from "../kith.ts";
import { inviteKeys } from "../pod/inviter.ts";
import type { Message } from "../relay/frames.ts";
import { type Net, post, type Posted } from "../relay/client.ts";
import type { OpenLine } from "../relay/line.ts";
import { Mailbox, type MailboxState } from "../relay/mailbox.ts";
import { tokenOf } from "../relay/settings.ts";
import { sealAnswer } from "../sealed/answer.ts";
import { type Opened, openRequest, type ReplyTo, type SealedRequest } from "../sealed/request.ts";
import type { Label } from "../webid/key.ts";
import { anyLate, keepLate } from "./late.ts";
import { agreementKeys, findPeer, type Peer } from "./people.ts";
import { type OwnQueue, queuesOf } from "./queues.ts";
import { type House, Responder } from "./responder.ts";

/** Office is what answers go through. */
export interface Office {
  readonly net: Net;
  /** Leaves an answer in somebody's queue; by way of another relay where the person wants that. */
  readonly deliver?: (to: ReplyTo, answer: Bytes) => Promise<Posted>;
  /** Asks a relay to which no WebSocket comes through; without it such a relay is not reached. */
  readonly poll?: OpenLine;
  /** It answers for a moment only: relays are told what has changed, and not again what they know. */
  readonly brief?: boolean;
  /** A relay is reached, or no longer. */
  readonly state?: (url: string, state: MailboxState) => void;
  /** A relay does not know a queue, or not this device as a reader of it; or it does (false). */
  readonly refused?: (url: string, queue: string, refused: boolean) => void;
}

/** So many messages are answered at a time: each holds its answer in memory. */
const width = 4;

interface Line {
  readonly mailbox: Mailbox;
  readonly queues: readonly OwnQueue[];
}

/** For so long, in milliseconds, what makes a sender known may come after what they ask: that they accepted an invite, or the list in which
 * their new device stands. So many wait for that at a time. */
const [grace, strangers] = [4_000, 2];

/** What a message came to. `declined`: it is not for this device. `unknown`: nobody knows who sent it. `later`: this device cannot answer it now. */
type Outcome = { readonly is: "declined" } | { readonly is: "unknown" } | { readonly is: "later" } | Answered;

interface Answered {
  readonly is: "answered";
  readonly bytes: Bytes;
  readonly opened: Opened<Peer>;
}

/** Answering answers from `start` to `stop`. */
export class Answering {
  readonly #house: House;
  readonly #office: Office;
  readonly #responder: Responder;
  readonly #lines = new Map<string, Line>();
  readonly #held = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #turn: Promise<void> = Promise.resolve();
  #stopped = true;
  #strangers = 0;
  #unwatch: () => void = () => undefined;

  constructor(house: House, office: Office) {
    this.#house = house;
    this.#office = office;
    this.#responder = new Responder(house);
  }

  /** start reads the relays of the tree and connects. */
  async start(): Promise<void> {
    this.#stopped = false;
    this.#unwatch = this.#house.watch?.(() => void this.#tidy()) ?? this.#unwatch;
    await this.refresh();
    await this.#tidy();
  }

  /** stop disconnects, and resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unwatch();
    for (const { mailbox } of this.#lines.values()) mailbox.stop();
    this.#lines.clear();
    for (const go of this.#waiting.splice(0)) go();
    await this.#turn;
    await Promise.all(this.#running);
  }

  /** refresh follows the relays, friends, invites and devices, when one of them has changed. */
  refresh(): Promise<void> {
    return this.#next(() => this.#follow());
  }

  /** quiet tells whether every relay was reached, or could not be, and nothing is being answered. */
  get quiet(): boolean {
    const lines = [...this.#lines.values()].map(({ mailbox }) => mailbox.state);
    return this.#running.size === 0 && lines.every((state) => state === "open" || state === "polling" || state === "lost");
  }

  /** wake connects again at once where a connection was lost. */
  wake(): void {
    for (const { mailbox } of this.#lines.values()) mailbox.wake();
  }

  /** answer answers a sealed message that came by any way; undefined where there is no answer. */
  async answer(message: Bytes): Promise<Bytes | undefined> {
    const outcome = await this.#outcome(message);
    return outcome.is === "answered" ? outcome.bytes : undefined;
  }

  #next(act: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(async () => (this.#stopped ? undefined : act()));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** tidy takes back what must not be read any more. */
  #tidy(): Promise<void> {
    const { tree } = this.#house;
    return this.#next(async () => anyLate(tree) ? (await this.#house.taking()).takeBack(this.#responder.realm, this.#office.net) : undefined).catch(ignored);
  }

  async #follow(): Promise<void> {
    const { tree } = this.#house;
    const queues = await queuesOf(tree);
    const urls = new Set(queues.map(({ url }) => url));
    for (const [url, { mailbox, queues: had }] of [...this.#lines]) {
      const same = JSON.stringify(had.map(({ queue }) => queue)) === JSON.stringify(queues.filter((each) => each.url === url).map(({ queue }) => queue));
      if (same) continue;
      mailbox.stop();
      this.#lines.delete(url);
    }
    for (const url of urls) {
      const held = this.#lines.get(url);
      if (held === undefined) await this.#connect(url, queues.filter((each) => each.url === url));
      else if (held.mailbox.state === "open" || held.mailbox.state === "polling") for (const queue of held.queues) await (await this.#house.taking()).register(held.mailbox, queue);
    }
  }

  async #connect(url: string, queues: readonly OwnQueue[]): Promise<void> {
    const { tree } = this.#house;
    const subscriptions = await Promise.all(queues.map(async ({ queue, secret }) => ({ queue, token: await tokenOf(secret, url, tree.device) })));
    const mailbox: Mailbox = new Mailbox(this.#office.net, url, subscriptions, {
      message: (message) => this.#take(mailbox, message),
      state: (state) => this.#office.state?.(url, state),
      subscribed: (queue) => {
        this.#office.refused?.(url, queue, false);
        this.#subscribed(mailbox, queues.find((each) => each.queue === queue));
      },
      refused: (queue) => this.#office.refused?.(url, queue, true),
    }, this.#office.poll);
    this.#lines.set(url, { mailbox, queues });
    mailbox.start();
  }

  #subscribed(mailbox: Mailbox, queue: OwnQueue | undefined): void {
    if (queue === undefined || this.#office.brief === true) return;
    void this.#next(async () => void (await (await this.#house.taking()).register(mailbox, queue))).catch(ignored);
  }

  /** take answers a message, unless it is being answered. */
  #take(mailbox: Mailbox, message: Message): void {
    const name = `${mailbox.url} ${message.id}`;
    if (this.#stopped || this.#held.has(name)) return;
    this.#held.add(name);
    const run = this.#inTurn(() => this.#handle(mailbox, message)).catch(() => mailbox.release(message.id)).finally(() => {
      this.#held.delete(name);
      this.#running.delete(run);
      this.#waiting.shift()?.();
    });
    this.#running.add(run);
  }

  async #inTurn(act: () => Promise<void>): Promise<void> {
    if (this.#running.size >= width) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (!this.#stopped) await act();
  }

  async #handle(mailbox: Mailbox, { id, bytes }: Message): Promise<void> {
    if (!(await mailbox.claim(id))) return;
    const outcome = await this.#patiently(bytes);
    if (outcome.is === "declined" || outcome.is === "unknown") return mailbox.decline(id);
    if (outcome.is === "later") return mailbox.release(id);
    const heard = await mailbox.reply(id, outcome.bytes);
    if (heard || (await this.#deliver(outcome))) await mailbox.ack(id);
    else mailbox.release(id);
  }

  /** patiently is `outcome` that gives who is unknown a moment. */
  async #patiently(message: Bytes): Promise<Outcome> {
    const { now } = this.#house.tree.env;
    const until = now() + grace;
    let outcome = await this.#outcome(message);
    if (outcome.is !== "unknown" || this.#house.watch === undefined || this.#strangers >= strangers) return outcome;
    for (this.#strangers++; outcome.is === "unknown" && now() < until && !this.#stopped; outcome = await this.#outcome(message)) await this.#responder.changed(until - now());
    this.#strangers--;
    return outcome;
  }

  async #outcome(message: Bytes): Promise<Outcome> {
    const { tree, label, unlisted } = this.#house;
    const [all, invites] = await Promise.all([agreementKeys(tree), inviteKeys(tree)]);
    const keys = all.filter(({ kid }) => !invites.some((each) => each.kid === kid));
    // What brings a list waits for a page while none is open.
    let waits = false;
    const find = async (of: Label, kid: string, request: SealedRequest): Promise<Peer | undefined> => {
      const peer = await findPeer(tree, label, of, kid, request);
      if (peer === undefined && of === label) waits = (await unlisted?.(request)) === true;
      return peer;
    };
    const opened = await openRequest<Peer>({ now: tree.env.now, label, keys, invites, find }, message);
    if ("declined" in opened) return { is: opened.declined !== "unknown sender" ? "declined" : waits ? "later" : "unknown" };
    const { peer, request, nonce, expires } = opened;
    const response = await this.#responder.answer({ agent: peer?.agent ?? { kind: "nobody" }, request, once: { nonce, expires } });
    if (response === undefined) return { is: this.#office.brief === true && peer?.agent.kind === "owner" && request.method === "PUT" ? "later" : "declined" };
    if (response.status === 503) return { is: "later" };
    return { is: "answered", bytes: await sealAnswer(tree.env, opened.answering, response), opened };
  }

  /** deliver leaves the answer in the asker's queue; true when nothing more can be done. */
  async #deliver({ bytes, opened: { reply, peer, request, expires } }: Answered): Promise<boolean> {
    if (reply === undefined) return true;
    const { net, deliver } = this.#office;
    const posted = deliver === undefined ? await post(net, reply.relay, reply.send, bytes, 0) : await deliver(reply, bytes);
    if ("refused" in posted) return posted.refused >= 400 && posted.refused < 500 && posted.refused !== 429;
    if ("cancel" in posted && peer?.agent.kind === "contact" && request.method === "GET") {
      const { tree } = this.#house;
      const { cid, kid } = peer.agent as { readonly cid: ContactId; readonly kid: string };
      const [path = ""] = request.path.split("?");
      await tree.store.apply([await keepLate({ cid, kid, path: decodeURIComponent(path), cancel: posted.cancel, at: tree.env.now(), expires }, reply)]);
    }
    return true;
  }
}

/** What a store that ended meanwhile leaves undone is done the next time. */
function ignored(): void {
  return undefined;
}
