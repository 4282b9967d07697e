/** Awake keeps this device answering while the app is open and the person has relays. What does it is loaded then. */

import type { Answering } from "./answer/answering.ts";
import type { ContactId, Topic } from "./kith.ts";
import { replicasOf } from "./loaded.ts";
import { relayCount } from "./pod/facts.ts";
import type { Session } from "./sync/session.ts";

/** Doors is what of the app is told. */
export interface Doors {
  /** A friend has something new. */
  readonly hinted: (cid: ContactId) => void;
  /** Something was left in the tree, or a friend came. */
  readonly kick: () => void;
  /** A relay does not know that queue, or does (false). */
  readonly lost: (url: string, queue: string, lost: boolean) => void;
}

/** What changes who may leave messages and who reads them. */
const telling: readonly Topic[] = ["friends", "invites", "devices", "relays"];

/** Awake runs until `stop`. */
export class Awake {
  readonly #session: Session;
  readonly #doors: Doors;
  readonly #watchers = new Set<() => void>();
  #answering: Promise<Answering | undefined> | undefined;
  #stopped = false;

  constructor(session: Session, doors: Doors) {
    this.#session = session;
    this.#doors = doors;
  }

  /** heard follows what changed in the app. */
  heard(topic: Topic): void {
    for (const changed of [...this.#watchers]) changed();
    void this.#session.replicas?.then((replicas) => replicas.changed());
    if (telling.includes(topic)) this.follow();
  }

  /** follow begins to answer when there are relays, and tells them what is new. */
  follow(): void {
    if (this.#stopped || (this.#answering === undefined && relayCount(this.#session.store) === 0)) return;
    const begun = this.#answering;
    this.#answering ??= this.#begin().catch(() => (this.#answering = undefined));
    void begun?.then((answering) => answering?.refresh()).catch(() => undefined);
  }

  /** told resolves when the relays that are reached know who may leave messages. */
  async told(): Promise<void> {
    await (await this.#answering)?.refresh().catch(() => undefined);
  }

  /** stop resolves when nothing is answered any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const stopped = this.#answering?.then((answering) => answering?.stop());
    // Who waits for a change waits no longer.
    await this.#answering;
    for (const changed of [...this.#watchers]) changed();
    await stopped;
  }

  async #begin(): Promise<Answering | undefined> {
    const { answeringFor, pollLine, takingFor } = await import("./answers.ts");
    const session = this.#session;
    const answering = answeringFor(session.env, session.tree, {
      watch: (changed) => (this.#watchers.add(changed), () => this.#watchers.delete(changed)),
      poll: pollLine,
      hinted: this.#doors.hinted,
      own: async (agent, request) => {
        const answer = await (await replicasOf(session)).answer(agent, request);
        // Who was let in reads the person's queues from now on.
        if (agent.kind === "nobody") await this.told().then(this.#doors.kick);
        return answer;
      },
      unlisted: async (request) => (await replicasOf(session)).unlisted(request),
      refused: this.#doors.lost,
      direct: async (cid, offer) => (await session.carrier()).direct.answer(cid, offer),
      left: (path) => void session.heard([path]).then(this.#doors.kick),
      accepted: () => {
        for (const topic of ["friends", "invites", "circles"] as const) session.emit(topic);
        this.#doors.kick();
      },
    }, async () => takingFor(session.tree, session));
    session.env.presence.watch(() => answering?.wake());
    if (!this.#stopped) await answering?.start();
    const { direct } = await session.carrier();
    if (answering !== undefined) direct.serve = (message) => answering.answer(message);
    this.#watchers.add(() => direct.tidy());
    return answering;
  }
}
