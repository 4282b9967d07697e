import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { useApp } from "../context.ts";
import { Icon } from "./icon.tsx";
import { useLayer } from "./layer.ts";

interface SheetProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** Stays at the foot while the rest scrolls. */
  readonly foot?: ComponentChildren;
}

/** Sheet is a dialog: from the foot of the screen on a phone, in the middle of a desktop. Escape, the back
 * button and a tap beside it close it, and the focus goes back to where it was. */
export function Sheet({ title, onClose, children, foot }: SheetProps) {
  const { t } = useApp();
  const heading = useId();
  const dialog = useLayer(onClose);
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby={heading} onClick={(event) => { if (event.target === event.currentTarget) onClose(); }}>
      <div class="sheet-page">
        <header class="sheet-head">
          <h2 id={heading} tabIndex={-1}>{title}</h2>
          <button type="button" class="plain round" aria-label={t.close} onClick={onClose}><Icon name="close" /></button>
        </header>
        <div class="sheet-body">{children}</div>
        {foot === undefined ? null : <footer class="sheet-foot">{foot}</footer>}
      </div>
    </dialog>
  );
}

interface AskProps {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly no: string;
  readonly onYes: () => void;
  readonly onNo: () => void;
}

/** Ask says exactly what is going to happen before something that cannot be undone. */
export function Ask({ title, text, yes, no, onYes, onNo }: AskProps) {
  return (
    <Sheet title={title} onClose={onNo} foot={
      <>
        <button type="button" class="button" onClick={onNo}>{no}</button>
        <button type="button" class="button danger" onClick={onYes}>{yes}</button>
      </>
    }>
      <p class="reading">{text}</p>
    </Sheet>
  );
}

interface AskButtonProps extends Omit<AskProps, "onNo"> {
  /** What the button looks like. */
  readonly look: string;
  /** What it is called where its words do not say it alone. */
  readonly label?: string;
  readonly children: ComponentChildren;
}

/** AskButton is a button that asks first. */
export function AskButton({ look, label, children, onYes, ...ask }: AskButtonProps) {
  const [asking, setAsking] = useState(false);
  const close = (): void => setAsking(false);
  return (
    <>
      <button type="button" class={look} aria-label={label} onClick={() => setAsking(true)}>{children}</button>
      {asking ? <Ask {...ask} onYes={() => { close(); onYes(); }} onNo={close} /> : null}
    </>
  );
}
