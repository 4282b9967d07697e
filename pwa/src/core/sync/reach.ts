/** Reaching somebody: their pod over HTTPS where it has an address, else their devices through relays. */

import type { Env } from "../env.ts";
import type { Bytes } from "../bytes.ts";
import type { ContactId } from "../kith.ts";
import type { Asking, Client } from "../ldp/client.ts";
import { Failure, type Role, statusOf } from "../ldp/errors.ts";
import type { Answer } from "../ldp/wire.ts";
import type { Did, Label } from "../webid/key.ts";
import type { PodWay, RelayWay } from "../webid/way.ts";

/** Whom is who is asked through relays: a friend, or with `me` the person's own pod. */
export type Whom = ContactId | "me";

/** Stranger is somebody who is asked without saying who asks: the maker of an invite, a pod that waits to be paired. */
export interface Stranger {
  readonly label: Label;
  /** To which the request is sealed. */
  readonly key: Did;
  readonly relays: readonly RelayWay[];
  /** By which the request is found again when its answer comes late, such as `invite <id>`. */
  readonly name: string;
  /** What a person calls them, for as long as it waits. */
  readonly called?: string;
}

/** Direct is the direct way to friends (direct.ts). */
export interface Direct {
  /** Answers what friends ask over a connection. */
  serve: (message: Bytes) => Promise<Bytes | undefined>;
  /** answer takes a friend's offer of a connection; undefined when there is to be none. */
  answer(cid: ContactId, offer: string): Promise<string | undefined>;
  /** tidy ends the connections with those who may not have them any more. */
  tidy(): void;
}

/** Carrier brings sealed requests to where they are answered (sealed.ts). Its methods reject like `Client.ask`. */
export interface Carrier {
  ask(whom: Whom, asking: Asking, role: Role): Promise<Answer>;
  askStranger(stranger: Stranger, asking: Asking, role: Role): Promise<Answer>;
  /** Asks another device of this person, which has so many seconds to take the question. */
  askDevice(device: Did, asking: Asking, patience: number): Promise<Answer>;
  /** Leaves word for a device of this person that is none any more; true once a relay has it. */
  tell(ways: readonly RelayWay[], key: Did, asking: Asking): Promise<boolean>;
  /** What is asked and answered over direct connections. */
  readonly direct: Direct;
  /** The address of a relay of this person that hands out the app; undefined when none does. */
  appAt(): Promise<string | undefined>;
}

/** How a person may be reached at this moment. */
export interface Ways {
  readonly pod: Client | undefined;
  readonly relays: boolean;
}

/** A pod that did not answer is left alone for so long where relays lead to the same person, in milliseconds. */
const rest = 5 * 60_000;

/** Reach asks one person by the ways that there are. */
export class Reach implements Client {
  readonly way: Pick<PodWay, "pod">;
  readonly #env: Env;
  readonly #whom: Whom;
  readonly #ways: () => Ways;
  readonly #carrier: () => Promise<Carrier>;
  #unanswered = -Infinity;

  constructor(env: Env, whom: Whom, base: string, ways: () => Ways, carrier: () => Promise<Carrier>) {
    this.#env = env;
    this.#whom = whom;
    this.way = { pod: base };
    this.#ways = ways;
    this.#carrier = carrier;
  }

  async ask(asking: Asking): Promise<Answer> {
    const { pod, relays } = this.#ways();
    if (pod !== undefined && (!relays || this.#env.now() - this.#unanswered > rest)) {
      try {
        return await pod.ask(asking);
      } catch (error) {
        // Who stops asking has not been left without an answer.
        if (!relays || asking.signal?.aborted || statusOf(error) !== 0 || !("path" in asking)) throw error;
        this.#unanswered = this.#env.now();
      }
    }
    const role = this.#whom === "me" ? "pod" : "friend";
    if (!relays) throw new Failure(`${role}-unreachable`, "ask: there is no way", 0);
    return (await this.#carrier()).ask(this.#whom, asking, role);
  }

  refusedForGood(error: unknown): boolean {
    return this.#ways().pod?.refusedForGood(error) ?? false;
  }
}
