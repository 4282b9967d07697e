import { useEffect, useState } from "preact/hooks";

/** So far one has to pull, in pixels. */
const far = 84;

/** usePull calls `refresh` when a finger pulls the page down from its top. It returns how far it is pulled,
 * from 0 to 1. */
export function usePull(active: boolean, refresh: () => void): number {
  const [pulled, setPulled] = useState(0);
  useEffect(() => {
    if (!active) return undefined;
    let start: number | undefined;
    let now = 0;
    const set = (to: number): void => setPulled((now = to));
    const down = ({ touches }: TouchEvent): void => { start = scrollY <= 0 && touches.length === 1 ? touches[0]?.clientY : undefined; };
    const move = ({ touches }: TouchEvent): void => {
      if (start !== undefined) set(Math.min(1, Math.max(0, ((touches[0]?.clientY ?? start) - start) / far)));
    };
    const up = (): void => {
      if (now >= 1) refresh();
      start = undefined;
      set(0);
    };
    const listen = { passive: true } as const;
    addEventListener("touchstart", down, listen);
    addEventListener("touchmove", move, listen);
    addEventListener("touchend", up, listen);
    addEventListener("touchcancel", up, listen);
    return () => {
      removeEventListener("touchstart", down);
      removeEventListener("touchmove", move);
      removeEventListener("touchend", up);
      removeEventListener("touchcancel", up);
    };
  }, [active]);
  return pulled;
}
