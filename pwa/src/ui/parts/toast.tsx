import { useEffect, useRef } from "preact/hooks";
import { useApp } from "../context.ts";
import { Icon } from "./icon.tsx";

/** How long a sentence stays; failures stay until they are put away. */
const stay = 6_000;

/** Toast says what was just done, and offers the way back. It lies above dialogs, and stays while someone
 * points at it or has the focus in it. */
export function Toast() {
  const { said, t } = useApp();
  const box = useRef<HTMLDivElement>(null);
  const { value } = said;
  const putAway = (): void => { said.value = undefined; };
  useEffect(() => {
    box.current?.togglePopover(false);
    if (value === undefined) return undefined;
    box.current?.togglePopover(true);
    if (value.failed === true) return undefined;
    const id = setInterval(() => {
      if (box.current?.matches(":hover, :focus-within") !== true) putAway();
    }, stay);
    return () => clearInterval(id);
  }, [value]);
  const undo = (): void => {
    putAway();
    value?.undo?.();
  };
  return (
    <>
      <p class="unseen" role="status">{value?.text}</p>
      <div class="toast" role="region" aria-label={t.said} popover="manual" ref={box}>
        <p dir="auto">{value?.text}</p>
        {value?.undo === undefined ? null : <button type="button" class="plain" onClick={undo}>{value.way}</button>}
        {value?.failed === true ? (
          <button type="button" class="plain round" aria-label={t.close} onClick={putAway}><Icon name="close" /></button>
        ) : null}
      </div>
    </>
  );
}
