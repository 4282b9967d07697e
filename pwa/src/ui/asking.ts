import { useEffect, useState } from "preact/hooks";
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
