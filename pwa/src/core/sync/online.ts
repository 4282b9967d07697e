/** Everything that asks others. It is loaded when what is here has been shown, so it is one door with one lock. */

import type { ContactId } from "../kith.ts";
import type { Json } from "../json.ts";
import type { Card } from "../pod/card.ts";
import { replicasOf } from "../loaded.ts";
import { contact } from "../pod/people.ts";
import { type Folder, postPath } from "../pod/paths.ts";
import { KithError } from "../errors.ts";
import type { Bytes } from "../bytes.ts";
import type { Label } from "../webid/key.ts";
import { twelveWords } from "../webid/words.ts";
import { Cache } from "./cache.ts";
import { podClient } from "./clients.ts";
import { Exchange } from "./exchange.ts";
import { Loop } from "./loop.ts";
import { Mail } from "./mail.ts";
import { Reader } from "./reader.ts";
import { readBytes } from "./replica.ts";
import type { Session } from "./session.ts";
import type { Talking } from "./talk.ts";
import { updated, updateOf } from "./ways.ts";

export { appsOf } from "./apps.ts";
export { agree } from "./agreed.ts";
export { decideHeld, hold } from "./deletions.ts";
export { acceptInvite, appAddress, cancelInvite, createInvite, goOn, previewInvite } from "./invites.ts";
export { authOf, introduced, joinerOf, linkSettings, macOf, madeFor, putJoiner, removeDevice } from "./admitting.ts";
export { jsonOf, postOpenly } from "./open.ts";
export { readBytes, readPage } from "./replica.ts";
export { settle } from "./settle.ts";
export { backOff } from "./wake.ts";
export { readPairing } from "../webid/pairlink.ts";

/** follow returns a friend's record after what they say of themself. */
export function follow(known: Card, said: Json, now: number): Promise<Card> {
  return updated(known, updateOf(said), now);
}

/** Online is a session with a network. */
export class Online {
  readonly session: Session;
  readonly exchange: Exchange;
  readonly reader: Reader;
  readonly loop: Loop;
  readonly mail: Mail;
  readonly talk: Talking;
  readonly cache: Cache;

  constructor(session: Session, makeTalk: (cache: Cache) => Talking) {
    this.session = session;
    const cache = new Cache(session.env, session.store);
    const talk = makeTalk(cache);
    this.cache = cache;
    this.talk = talk;
    this.exchange = new Exchange(session, talk);
    this.reader = new Reader(session, cache, talk);
    this.mail = new Mail(session);
    this.loop = new Loop(session, { exchange: this.exchange, reader: this.reader, mail: this.mail, talk });
  }

  /** sync exchanges once with the pod, or the person's other devices, and with friends. */
  async sync(): Promise<void> {
    await this.loop.meet();
    await this.exchange.run();
    await this.reader.refresh();
    await this.mail.send(false);
  }

  /** words returns the twelve words that this person and a friend see alike. */
  words(cid: ContactId): Promise<readonly string[]> {
    const { store, me } = this.session;
    return twelveWords(me.label as Label, contact(store, cid).label as Label);
  }

  /** ownFile returns one of the owner's own files that this device does not hold; it comes from the pod and stays. */
  async ownFile(folder: Folder, name: string): Promise<Bytes> {
    const { store, pod } = this.session;
    const row = store.row(postPath(folder) + name);
    const bytes = row && (pod === undefined ? await (await replicasOf(this.session)).bytes(row.path) : await readBytes(podClient(this.session), row.path));
    if (row === undefined || bytes === undefined) throw new KithError("not-there-any-more", "show picture: it is nowhere");
    await store.apply([{ put: row, bytes }]);
    this.session.emit("posts");
    return bytes;
  }
}
