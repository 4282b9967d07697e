import { useEffect, useRef, useState } from "preact/hooks";
import type { Relay, Relays } from "../core/kith.ts";
import { useApp } from "./context.ts";

/** What is known of the own relays; `all` once the part that asks them is here. */
export interface OwnRelays {
  readonly all: Relays | undefined;
  readonly list: readonly Relay[];
}

/** useRelays returns the own relays as they stand, and draws again when that changes. */
export function useRelays(): OwnRelays {
  const { attempt, kith } = useApp();
  const [own, setOwn] = useState<OwnRelays>({ all: undefined, list: [] });
  useEffect(() => {
    let left = false;
    const read = (all: Relays): void => { if (!left) setOwn({ all, list: all.list() }); };
    void attempt(() => kith.relays()).then((all) => all && read(all));
    const end = kith.subscribe((topic) => { if (topic === "relays") void kith.relays().then(read, () => undefined); });
    return () => { left = true; end(); };
  }, []);
  return own;
}

/** The pod is asked for what it has to tell at most this often, in milliseconds: with each exchange while somebody looks, of which each waits some 25 s for news. */
const pause = 15_000;

/** useTold keeps what the pod has to tell up to date: it is asked after exchanges with it, and not when it is silent. */
export function useTold(): void {
  const { clock, kith, model, troubles } = useApp();
  const asked = useRef(-Infinity);
  const { kind, lastSync } = model.pod.value;
  useEffect(() => {
    if (kind === "none") troubles.value = [];
    if (kind !== "connected" || clock.now() - asked.current < pause) return;
    asked.current = clock.now();
    kith.home().then((home) => home.troubles()).then((all) => { troubles.value = all; }, () => undefined);
  }, [kind, lastSync]);
}
