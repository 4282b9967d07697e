import { useId, useState } from "preact/hooks";
import { useApp } from "../context.ts";
import { Scan } from "./scan.tsx";
import { Sign } from "./sign.tsx";
import { useRelayWords } from "../words/relays.ts";

interface PasteProps {
  readonly label: string;
  readonly hint?: string;
  readonly go: string;
  readonly onLink: (link: string) => void;
  /** A link that was tried already, to be mended. */
  readonly tried?: string;
}

/** Paste takes a link: typed, read from a code, or pasted, which needs no further tap when the link is whole. A long link that was
 * copied from a terminal comes in lines. */
export function Paste({ label, hint, go, onLink, tried = "" }: PasteProps) {
  const { kith } = useApp();
  const w = useRelayWords();
  const [link, setLink] = useState(tried);
  const [scanning, setScanning] = useState(false);
  const id = useId();
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = whole(link);
    // What is no link stays as it was typed, to be mended.
    if (text !== "") onLink(kith.linkKind(text) === "unknown" ? link : text);
  };
  const pasted = (event: ClipboardEvent): void => {
    const text = whole(event.clipboardData?.getData("text") ?? "");
    if (link !== "" || kith.linkKind(text) === "unknown") return;
    event.preventDefault();
    setLink(text);
    onLink(text);
  };
  const entered = (event: KeyboardEvent): void => {
    if (event.key === "Enter") submit(event);
  };
  const scanned = (found: string): void => {
    setScanning(false);
    onLink(found);
  };
  return (
    <form class="field pad" onSubmit={submit}>
      <label for={id}>{label}</label>
      <textarea id={id} rows={3} inputMode="url" dir="ltr" autocomplete="off" autocapitalize="off" spellcheck={false} value={link} onPaste={pasted} onKeyDown={entered}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}h` })}
        onInput={(event) => setLink(event.currentTarget.value)} />
      {hint === undefined ? null : <p class="state" id={`${id}h`}>{hint}</p>}
      <div class="thumb">
        <button type="button" class="button" onClick={() => setScanning(true)}><Sign name="scan" />{w.add.scan}</button>
        <button type="submit" class="button primary" disabled={whole(link) === ""}>{go}</button>
      </div>
      {scanning ? <Scan onFound={scanned} onClose={() => setScanning(false)} /> : null}
    </form>
  );
}

/** whole returns a link without the breaks and spaces that came in on its way. */
function whole(link: string): string {
  return link.replace(/\s+/g, "");
}
