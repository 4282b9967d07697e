import { useId, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";
import { Scan } from "./scan.tsx";
import { useRelayWords } from "../words/relays.ts";

interface PasteProps {
  readonly label: string;
  readonly hint?: string;
  readonly go: string;
  readonly onLink: (link: string) => void;
  /** A link that was tried already, to be mended. */
  readonly tried?: string;
}

/** Paste takes a link: typed, pasted, or read from a code. */
export function Paste({ label, hint, go, onLink, tried = "" }: PasteProps) {
  const w = useRelayWords();
  const [link, setLink] = useState(tried);
  const [scanning, setScanning] = useState(false);
  const id = useId();
  const submit = (event: Event): void => {
    event.preventDefault();
    if (link.trim() !== "") onLink(link.trim());
  };
  const scanned = (found: string): void => {
    setScanning(false);
    onLink(found);
  };
  return (
    <form class="field pad" onSubmit={submit}>
      <label for={id}>{label}</label>
      <input id={id} type="text" inputMode="url" dir="ltr" autocomplete="off" autocapitalize="off" spellcheck={false} value={link}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}h` })}
        onInput={(event) => setLink(event.currentTarget.value)} />
      {hint === undefined ? null : <p class="state" id={`${id}h`}>{hint}</p>}
      <div class="thumb">
        <button type="button" class="button" onClick={() => setScanning(true)}><Icon name="scan" />{w.add.scan}</button>
        <button type="submit" class="button primary" disabled={link.trim() === ""}>{go}</button>
      </div>
      {scanning ? <Scan onFound={scanned} onClose={() => setScanning(false)} /> : null}
    </form>
  );
}
