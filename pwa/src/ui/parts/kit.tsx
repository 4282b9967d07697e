import { useId, useState } from "preact/hooks";
import { LinkCode } from "./qr.tsx";
import { Scan } from "./scan.tsx";
import { Sign } from "./sign.tsx";
import { useBackupWords } from "../words/backup.ts";

/** KitCode shows the letters of a kit, in groups and as a code to scan. */
export function KitCode({ code }: { readonly code: string }) {
  const b = useBackupWords();
  return (
    <>
      <p class="kit-code" dir="ltr" role="img" aria-label={`${b.kit.code}: ${code.replaceAll("-", " ")}`}>{code.split("-").map((group, at) => <span key={at}>{group}</span>)}</p>
      <LinkCode link={code} label={b.kit.qr} />
    </>
  );
}

/** KitField takes the letters of a kit: typed, pasted, or scanned. */
export function KitField({ label, hint, value, onValue }: { readonly label: string; readonly hint: string; readonly value: string; readonly onValue: (value: string) => void }) {
  const b = useBackupWords();
  const [scanning, setScanning] = useState(false);
  const id = useId();
  const scanned = (found: string): void => {
    setScanning(false);
    onValue(found);
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea id={id} class="kit-input" rows={2} dir="ltr" autocomplete="off" autocapitalize="characters" spellcheck={false} value={value} aria-describedby={`${id}h`}
        onKeyDown={(event) => { if (event.key === "Enter") { event.preventDefault(); event.currentTarget.form?.requestSubmit(); } }} onInput={(event) => onValue(event.currentTarget.value)} />
      <p class="state" id={`${id}h`}>{hint}</p>
      <button type="button" class="button" onClick={() => setScanning(true)}><Sign name="scan" />{b.restore.scan}</button>
      {scanning ? <Scan onFound={scanned} onClose={() => setScanning(false)} /> : null}
    </div>
  );
}

/** Course says how far a long piece of work is, and stops it. */
export function Course({ words, percent, stop, onStop }: { readonly words: string; readonly percent: number; readonly stop: string; readonly onStop: () => void }) {
  return (
    <div class="settings">
      <progress max={100} value={percent} aria-label={words} />
      <p class="state">{words}</p>
      <button type="button" class="button" onClick={onStop}>{stop}</button>
    </div>
  );
}
