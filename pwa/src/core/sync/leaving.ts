/** Leaving messages at relays: through another relay of this person's where there is one, else directly (protocol §6, the outer hop). */

import { b64u, type Bytes, fromB64u } from "../bytes.ts";
import { cancel, type Net, post, type Posted, relayInfo } from "../relay/client.ts";
import { cancelThrough, postThrough } from "../relay/hop.ts";
import type { RelaySettings } from "../relay/settings.ts";
import type { Store } from "../store/store.ts";
import type { RelayWay } from "../webid/way.ts";
import type { Sent } from "./waits.ts";

/** A relay's point, as it was told. It is asked for rarely: the question itself shows the relay this device's address. */
interface Known {
  readonly point: string;
  readonly at: number;
}

const points = "relay/point/";
const week = 7 * 86_400_000;

/** Leaving is who leaves messages. */
export class Leaving {
  readonly #net: Net;
  readonly #store: Store;
  readonly #own: () => Promise<RelaySettings | undefined>;
  readonly #trouble: (url: string, status: number) => void;

  constructor(net: Net, store: Store, own: () => Promise<RelaySettings | undefined>, trouble: (url: string, status: number) => void) {
    this.#net = net;
    this.#store = store;
    this.#own = own;
    this.#trouble = trouble;
  }

  /** leave leaves a message and waits so many seconds for its answer. A relay between that fails is passed over, and at last there is none
   * between: the message matters more than who sees the address. */
  async leave({ relay, send }: RelayWay, message: Bytes, wait: number, signal?: AbortSignal): Promise<Posted> {
    const id = fromB64u(send) ?? new Uint8Array(0);
    for (const via of await this.#between(relay)) {
      const key = await this.#point(relay);
      if (key === undefined) break;
      const posted = await postThrough(this.#net, via, { url: relay, key }, id, message, wait, signal);
      if (signal?.aborted === true) return posted;
      if (!("refused" in posted)) return posted;
      if (posted.refused === 400) await this.#store.apply([{ unset: points + relay }]);
      else this.#trouble(via, posted.refused === 502 ? 200 : posted.refused);
    }
    const posted = await post(this.#net, relay, id, message, wait, signal);
    if (signal?.aborted !== true) this.#trouble(relay, "refused" in posted ? posted.refused : 200);
    return posted;
  }

  /** takeBack erases a message that nobody has read; what cannot be reached keeps it until it runs out. */
  async takeBack({ relay, send, cancel: token }: Sent): Promise<void> {
    const id = fromB64u(send) ?? new Uint8Array(0);
    const [via] = await this.#between(relay);
    const key = via === undefined ? undefined : await this.#point(relay);
    if (via !== undefined && key !== undefined && (await cancelThrough(this.#net, via, { url: relay, key }, id, token))) return;
    await cancel(this.#net, relay, id, token);
  }

  /** between returns the relays through which a message for that one may go. */
  async #between(relay: string): Promise<readonly string[]> {
    const own = await this.#own();
    if (own === undefined || !own.hop || own.relays.length < 2 || !relay.startsWith("https:")) return [];
    return own.relays.map(({ url }) => url).filter((url) => url !== relay);
  }

  async #point(relay: string): Promise<Bytes | undefined> {
    const known = this.#store.get(points + relay) as Known | undefined;
    if (known !== undefined && Math.abs(this.#net.now() - known.at) < week) return fromB64u(known.point);
    const info = await relayInfo(this.#net, relay);
    if ("refused" in info) return known === undefined ? undefined : fromB64u(known.point);
    await this.#store.apply([{ set: points + relay, value: { point: b64u(info.key), at: this.#net.now() } satisfies Known }]);
    return info.key;
  }
}
