/** Putting letters into friends' inboxes, and trying again until they have them. */

import { KithError } from "../errors.ts";
import { given } from "../given.ts";
import { objectIn } from "../json.ts";
import type { ContactId } from "../kith.ts";
import { type Letter, letterName, letters } from "../pod/letters.ts";
import { contactsOf } from "../pod/people.ts";
import { jsonLD } from "../pod/tree.ts";
import type { Write } from "../store/store.ts";
import { friendClient } from "./clients.ts";
import { inboxIn, seenOf } from "./copies.ts";
import { introduction, waysForFriend } from "./introduce.ts";
import { pool } from "./pool.ts";
import type { Session } from "./session.ts";
import { backOff } from "./wake.ts";
import { waysMessage } from "./ways.ts";

/** So many friends are written to at once. */
const width = 4;
/** Answers that say something of the letter. Others say something of the way, and it is tried again. */
const answers = [200, 201, 204, 400, 403, 404, 409, 410, 412, 413, 415, 422];
/** A friend who says so often that they do not know this person is believed. */
const believed = 2;

type Asker = NonNullable<ReturnType<typeof friendClient>>;

/** Mail sends what waits. */
export class Mail {
  readonly #session: Session;
  /** Where friends want their messages, for those whose doors were asked for it. */
  readonly #inboxes = new Map<ContactId, string>();
  /** Friends who did not take a message where their doors had said. */
  readonly #moved = new Set<ContactId>();
  /** Friends who could not be reached: how often in a row, and until when they are left alone. */
  readonly #tired = new Map<ContactId, { readonly failures: number; readonly until: number }>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(session: Session) {
    this.#session = session;
  }

  /** send sends what is due, after what is under way, and returns after how many milliseconds there is more to do; undefined when there is nothing. It never rejects for what a friend answered. With `patient`, friends who could not be reached are left alone for a while. */
  send(patient: boolean): Promise<number | undefined> {
    const mine = this.#turn.then(() => this.#send(patient));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** hurry forgets who could not be reached, since the network may be another one. */
  hurry(): void {
    this.#tired.clear();
  }

  async #send(patient: boolean): Promise<number | undefined> {
    const { env, store } = this.#session;
    const due = (letter: Letter): boolean => (letter.after ?? 0) <= env.now() && (!patient || this.#rests(letter.cid) <= 0);
    const all = this.#open().filter(due);
    await pool(width, [...new Set(all.map(({ cid }) => cid))], async (cid) => {
      for (const letter of all.filter((each) => each.cid === cid)) if (store.get(letterName(letter)) !== undefined && !(await this.#deliver(cid, letter))) return;
    });
    await this.#session.overtaken();
    const waits = this.#open().map(({ cid, after = 0 }) => Math.max(after - env.now(), this.#rests(cid), 0));
    return waits.length === 0 ? undefined : Math.max(Math.min(...waits), 1_000);
  }

  /** open returns what is to be sent to friends who can be reached at all. */
  #open(): readonly Letter[] {
    const { store } = this.#session;
    const reached = new Set(contactsOf(store).flatMap(({ cid }) => (friendClient(this.#session, cid) === undefined ? [] : [cid])));
    return letters(store).filter(({ cid, there, refused }) => there === undefined && refused !== true && reached.has(cid));
  }

  #rests(cid: ContactId): number {
    return (this.#tired.get(cid)?.until ?? 0) - this.#session.env.now();
  }

  /** deliver sends one letter; false when no other should follow it now. */
  async #deliver(cid: ContactId, letter: Letter): Promise<boolean> {
    const client = friendClient(this.#session, cid);
    if (client === undefined) return false;
    try {
      await this.#answered(letter, await this.#put(client, letter));
      this.#tired.delete(cid);
      return true;
    } catch (error) {
      if (!(error instanceof KithError)) throw error;
      await this.#failed(letter, error);
      // A relay has it: what comes after it can be left there too.
      return error.code === "waiting";
    }
  }

  async #put(client: Asker, letter: Letter): Promise<number> {
    const { cid, nonce, what } = letter;
    const folder = this.#inboxes.get(cid) ?? (this.#moved.has(cid) ? undefined : seenOf(this.#session.store, cid).inbox) ?? (await this.#inbox(client, cid));
    const body = what === "ways" ? waysMessage({ ...(await introduction(this.#session)), ways: await waysForFriend(this.#session, cid) }) : letter.body;
    const headers = { "Content-Type": jsonLD, "If-None-Match": "*" };
    const { status } = await client.ask({ method: "PUT", path: `social/${folder}${nonce}`, headers, body, allow: answers });
    return status;
  }

  /** inbox asks a friend's door where messages go. */
  async #inbox(client: Asker, cid: ContactId): Promise<string> {
    const folder = inboxIn(objectIn((await client.ask({ method: "GET", path: "social/door" })).bytes));
    if (folder === undefined) throw new KithError("friend-unreachable", "read door: it names no inbox");
    this.#inboxes.set(cid, folder);
    return folder;
  }

  /** answered notes what became of a letter. That the name is taken means that it is there. */
  async #answered(letter: Letter, status: number): Promise<void> {
    const { env } = this.#session;
    if (status < 300 || status === 409 || status === 412) return this.#note(letter, ({ error: _, ...rest }) => ({ ...rest, there: env.now() }), ["comment", "like", "keep"]);
    const unknown = status === 403 || status === 404 || status === 410;
    if (unknown) {
      this.#inboxes.delete(letter.cid);
      this.#moved.add(letter.cid);
    }
    const refused = !unknown || letter.attempts + 1 >= believed;
    return this.#note(letter, (now) => ({ ...now, attempts: now.attempts + 1, refused, error: unknown ? "friend-refused" : "not-taken" }), refused ? ["comment", "keep"] : undefined);
  }

  #failed(letter: Letter, error: KithError): Promise<void> {
    const { env } = this.#session;
    const failures = (this.#tired.get(letter.cid)?.failures ?? 0) + 1;
    this.#tired.set(letter.cid, { failures, until: env.now() + backOff(env, failures) });
    const refused = error.code === "friend-refused" && letter.attempts + 1 >= believed;
    return this.#note(letter, (now) => given({ ...now, attempts: now.attempts + 1, error: error.code, refused: refused || undefined }), refused ? ["comment", "keep"] : undefined);
  }

  /** note changes a letter, unless it was dropped meanwhile; where kinds are given, those of another kind are done with. */
  #note(letter: Letter, change: (now: Letter) => Letter, stays?: readonly Letter["what"][]): Promise<void> {
    const { store, tree } = this.#session;
    const name = letterName(letter);
    return tree.exclusive(async () => {
      const now = store.get(name) as Letter | undefined;
      if (now === undefined) return;
      const write: Write = stays !== undefined && !stays.includes(now.what) ? { unset: name } : { set: name, value: change(now) };
      await store.apply([write]);
    }).then(() => {
      this.#session.emit("outbox");
      this.#session.emit("feed");
    });
  }
}
