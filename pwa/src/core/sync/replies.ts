/**
 * Queues of this device alone, one at each relay of the person: answers come there when nobody waits for them any more.
 *
 *     relay/own    Own
 *
 * Each person who is asked gets a send id of their own, so that two of them cannot tell that they answer to the same queue.
 */

import { b64u, type Bytes, fromB64u, hmac, utf8 } from "../bytes.ts";
import type { Stop } from "../env.ts";
import type { Relay } from "../kith.ts";
import type { Net } from "../relay/client.ts";
import { makeQueue } from "../relay/queue.ts";
import type { Message } from "../relay/frames.ts";
import { Mailbox, type MailboxState } from "../relay/mailbox.ts";
import { pollLine } from "../relay/poll.ts";
import type { ReplyTo } from "../sealed/request.ts";
import type { Store } from "../store/store.ts";

/** Own is what this device keeps of its queues; `secret` in base64url. */
interface Own {
  readonly secret: string;
  readonly queues: Readonly<Record<string, string>>;
  /** Codes by which an operator lets this device make queues. */
  readonly codes: Readonly<Record<string, string>>;
}

const setting = "relay/own";
/** How long a request waits for the first relay to be connected, in milliseconds. */
const patience = 5_000;

/** How it stands with one relay. */
interface Line {
  readonly mailbox: Mailbox;
  readonly queue: string;
  /** Send ids that the relay knows of since it was connected. */
  readonly known: Set<string>;
  state: MailboxState;
  since: number | undefined;
  refused: boolean;
}

/** Replies keeps the queues and listens to them. */
export class Replies {
  readonly #net: Net;
  readonly #store: Store;
  readonly #heard: (answer: Bytes) => Promise<void>;
  readonly #changed: () => void;
  readonly #lines = new Map<string, Line>();
  readonly #troubles = new Map<string, { readonly status: number; readonly since: number }>();
  #waking: (() => void)[] = [];
  #following: Promise<void> = Promise.resolve();

  constructor(net: Net, store: Store, heard: (answer: Bytes) => Promise<void>, changed: () => void) {
    this.#net = net;
    this.#store = store;
    this.#heard = heard;
    this.#changed = changed;
  }

  /** follow listens at these relays and no others, after what was asked before; it makes the queues that are missing. */
  follow(urls: readonly string[]): Promise<void> {
    const mine = this.#following.then(() => this.#follow(urls));
    this.#following = mine.catch(() => undefined);
    return mine;
  }

  /** allow keeps the code by which an operator lets this device make queues. */
  async allow(url: string, code: string): Promise<void> {
    await this.#keep((own) => ({ ...own, codes: { ...own.codes, [url]: code } }));
  }

  /** stop ends all connections. */
  stop(): void {
    for (const { mailbox } of this.#lines.values()) mailbox.stop();
    this.#lines.clear();
    this.#wakeAll();
  }

  /** wake tries again at once where a relay was not reached. */
  wake(): void {
    for (const { mailbox } of this.#lines.values()) mailbox.wake();
  }

  /** address returns whither the answer of somebody may come; the next relay at each turn. Undefined when no relay is connected. */
  async address(whom: string, turn: number): Promise<ReplyTo | undefined> {
    await this.#connected();
    const open = [...this.#lines].filter(([, { state, refused }]) => isOpen(state) && !refused);
    for (let i = 0; i < open.length; i++) {
      const [url, line] = open[(turn + i) % open.length] as [string, Line];
      const send = (await this.#derived("kith reply 1", url, whom)).slice(0, 24);
      if (line.known.has(whom) || (await line.mailbox.change(line.queue, { op: "send.add", sends: [send] }))) {
        line.known.add(whom);
        return { relay: url, send };
      }
    }
    return undefined;
  }

  /** standing says how a relay is reached. */
  standing(url: string): Pick<Relay, "state" | "since"> {
    const line = this.#lines.get(url);
    const trouble = this.#troubles.get(url);
    if (line === undefined) return trouble === undefined ? { state: "connecting" } : { state: stateOf(trouble.status), since: trouble.since };
    if (line.refused) return { state: "refused" };
    if (isOpen(line.state)) return { state: trouble?.status === 507 ? "full" : "connected" };
    return line.since === undefined ? { state: "connecting" } : { state: "unreachable", since: line.since };
  }

  /** trouble notes what a relay answered to a request of this device; 0 for nothing. */
  trouble(url: string, status: number): void {
    const before = this.#troubles.get(url)?.status;
    if (status === 200) this.#troubles.delete(url);
    else if (before !== status) this.#troubles.set(url, { status, since: this.#net.now() });
    if (before !== (status === 200 ? undefined : status)) this.#changed();
  }

  async #follow(urls: readonly string[]): Promise<void> {
    for (const [url, { mailbox }] of this.#lines) {
      if (urls.includes(url)) continue;
      mailbox.stop();
      this.#lines.delete(url);
    }
    await Promise.all(urls.filter((url) => !this.#lines.has(url)).map((url) => this.#listen(url)));
    this.#changed();
  }

  async #listen(url: string): Promise<void> {
    const queue = this.#own.queues[url] ?? (await this.#make(url));
    if (queue === undefined) return this.#wakeAll();
    const token = await this.#token(url);
    const mailbox = new Mailbox(this.#net, url, [{ queue, token }], {
      message: (message) => void this.#take(mailbox, message),
      state: (state) => this.#became(url, state),
      subscribed: () => this.#subscribed(url),
      refused: () => void this.#lost(url),
    }, pollLine);
    this.#lines.set(url, { mailbox, queue, known: new Set(), state: "stopped", since: undefined, refused: false });
    mailbox.start();
  }

  /** make makes a queue; undefined when the relay does not let this device, or is not reached. */
  async #make(url: string): Promise<string | undefined> {
    const code = this.#own.codes[url];
    const made = await makeQueue(this.#net, url, [await this.#token(url)], code === undefined ? {} : { invite: code });
    if ("refused" in made) {
      this.trouble(url, made.refused);
      return undefined;
    }
    this.trouble(url, 200);
    await this.#keep((own) => ({ ...own, queues: { ...own.queues, [url]: made.queue } }));
    return made.queue;
  }

  /** take hands on what came, and lets the relay forget it only then. */
  async #take(mailbox: Mailbox, { id, bytes }: Message): Promise<void> {
    await this.#heard(bytes);
    await mailbox.ack(id);
  }

  #became(url: string, state: MailboxState): void {
    const line = this.#lines.get(url);
    if (line === undefined) return;
    line.state = state;
    if (!isOpen(state)) line.known.clear();
    if (isOpen(state)) line.since = undefined;
    else if (state === "lost") line.since ??= this.#net.now();
    this.#changed();
  }

  #subscribed(url: string): void {
    const line = this.#lines.get(url);
    if (line !== undefined) line.refused = false;
    this.#wakeAll();
  }

  /** lost drops a queue that the relay does not know any more, once, and makes another. */
  async #lost(url: string): Promise<void> {
    const line = this.#lines.get(url);
    if (line === undefined || line.refused) return;
    line.refused = true;
    this.#changed();
    line.mailbox.stop();
    this.#lines.delete(url);
    await this.#keep((own) => ({ ...own, queues: Object.fromEntries(Object.entries(own.queues).filter(([at]) => at !== url)) }));
    await this.#listen(url);
  }

  get #own(): Own {
    return (this.#store.get(setting) as Own | undefined) ?? { secret: "", queues: {}, codes: {} };
  }

  async #keep(change: (own: Own) => Own): Promise<void> {
    await this.#secret();
    await this.#store.apply([{ set: setting, value: change(this.#own) }]);
  }

  async #secret(): Promise<Bytes> {
    const kept = fromB64u(this.#own.secret);
    if (kept?.length === 32) return kept;
    const secret = this.#net.random(32);
    await this.#store.apply([{ set: setting, value: { ...this.#own, secret: b64u(secret) } satisfies Own }]);
    return secret;
  }

  #token(url: string): Promise<Bytes> {
    return this.#derived("kith reply token 1", url);
  }

  async #derived(...parts: readonly string[]): Promise<Bytes> {
    return hmac(await this.#secret(), utf8(parts.join("\n")));
  }

  /** connected resolves when a relay is, or after a while; at once where there is none. */
  async #connected(): Promise<void> {
    await this.#following;
    if (this.#lines.size === 0) return;
    const some = (): boolean => [...this.#lines.values()].some(({ state, refused }) => isOpen(state) && !refused);
    if (some()) return;
    await new Promise<void>((resolve) => {
      const late: Stop = this.#net.after(patience, resolve);
      this.#waking.push(() => (late(), resolve()));
    });
  }

  #wakeAll(): void {
    const waking = this.#waking;
    this.#waking = [];
    for (const wake of waking) wake();
  }
}

function isOpen(state: MailboxState): boolean {
  return state === "open" || state === "polling";
}

function stateOf(status: number): Relay["state"] {
  if (status === 507) return "full";
  return status === 401 || status === 403 ? "refused" : "unreachable";
}
