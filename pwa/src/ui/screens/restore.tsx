import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useApp } from "../context.ts";
import { Course, KitField } from "../parts/kit.tsx";
import { Mark } from "../parts/mark.tsx";
import { addressOf } from "../route.ts";
import { reasonFor, useBackupWords } from "../words/backup.ts";

/** RestoreScreen brings a person back into a browser that has nobody: a file, a kit, and that is all. */
export function RestoreScreen() {
  const { clock, kith, router, say, t } = useApp();
  const b = useBackupWords();
  const [file, setFile] = useState<File>();
  const [code, setCode] = useState("");
  const [percent, setPercent] = useState<number>();
  const [failed, setFailed] = useState("");
  const stopping = useRef<AbortController | undefined>(undefined);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const restore = async (shutOut: boolean): Promise<void> => {
    if (file === undefined || percent !== undefined) return;
    setFailed("");
    setPercent(0);
    const stop = (stopping.current = new AbortController());
    try {
      await kith.restore(file, code, { shutOut }, { signal: stop.signal, progress: (done, total) => setPercent(Math.floor((100 * done) / Math.max(total, 1))) });
      router.swap();
      say(b.restore.back(kith.me()?.name ?? ""));
    } catch (error) {
      setFailed(reasonFor(error, t, b));
      setPercent(undefined);
    }
  };
  // What becomes of the device that made the backup has no default: who only tries it must not shut out the phone they use.
  const choice = (shutOut: boolean, title: string, hint: string) => (
    <div class="field">
      <button type="button" class="button large" disabled={file === undefined || code.trim() === ""} onClick={() => void restore(shutOut)}>{title}</button>
      <p class="state">{hint}</p>
    </div>
  );
  return (
    <main id="main" class="welcome">
      <Mark />
      <form onSubmit={(event) => event.preventDefault()}>
        <h1 ref={heading} tabIndex={-1} class="welcome-promise">{b.restore.title}</h1>
        <FileField file={file} onFile={setFile} note={file === undefined ? undefined : b.restore.chosen(file.name, clock.bytes(file.size))} />
        <KitField label={b.restore.code} hint={b.restore.codeHint} value={code} onValue={setCode} />
        <p role="alert" class="failure">{failed}</p>
        {percent === undefined ? <>{choice(false, b.restore.beside, b.restore.besideHint)}{choice(true, b.restore.instead, b.restore.insteadHint)}</>
          : <Course words={b.restore.working(percent)} percent={percent} stop={b.stop} onStop={() => stopping.current?.abort()} />}
        {percent === undefined ? <a class="button quiet" href={addressOf()}>{b.restore.start}</a> : null}
      </form>
    </main>
  );
}

function FileField({ file, note, onFile }: { readonly file: File | undefined; readonly note: string | undefined; readonly onFile: (file: File) => void }) {
  const b = useBackupWords();
  const id = useId();
  const chosen = (event: { readonly currentTarget: HTMLInputElement }): void => {
    const [found] = event.currentTarget.files ?? [];
    if (found !== undefined) onFile(found);
  };
  return (
    <div class="field">
      <span class="button file"><label for={id}>{file === undefined ? b.restore.choose : b.restore.other}</label><input id={id} type="file" onChange={chosen} /></span>
      <p class="state" role="status" dir="auto">{note}</p>
    </div>
  );
}
