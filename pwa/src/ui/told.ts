import { useEffect, useRef } from "preact/hooks";
import { useApp } from "./context.ts";

/** The pod is asked for what it has to tell at most this often, in milliseconds. */
const pause = 10 * 60_000;

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
