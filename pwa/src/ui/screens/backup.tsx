import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { KitState } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { canShare, gather, type Gathering, offer } from "../gathering.ts";
import { Course, KitCode, KitField } from "../parts/kit.tsx";
import { Screen } from "../parts/screen.tsx";
import { Sheet } from "../parts/sheet.tsx";
import { reasonFor, useBackupWords } from "../words/backup.ts";

/** BackupScreen makes backups of this phone, and the kit that opens them. */
export function BackupScreen() {
  const { kith, model } = useApp();
  const b = useBackupWords();
  const [kit, setKit] = useState<KitState>();
  const [code, setCode] = useState<string>();
  const changes = model.changes.value;
  useEffect(() => void kith.backups().then((all) => all.kit()).then(setKit, () => undefined), [changes]);
  if (code !== undefined) return <KitPage code={code} onDone={() => setCode(undefined)} />;
  return (
    <Screen title={b.title} back={["you"]}>
      {kit === undefined ? null : (
        <div class="pad">
          <p>{b.what}</p>
          {kit.since === undefined ? null : <Making />}
          <KitCard kit={kit} onMade={setCode} />
          <p class="state">{b.restore.where}</p>
        </div>
      )}
    </Screen>
  );
}

type Made = { readonly file: File; readonly saved: boolean };

/** Making gathers the file and hands it over. */
function Making() {
  const { attempt, clock, kith, model, said, t } = useApp();
  const b = useBackupWords();
  const [percent, setPercent] = useState<number>();
  const [made, setMade] = useState<Made>();
  const stopping = useRef(new AbortController());
  const gathering = useRef<Gathering | undefined>(undefined);
  useEffect(() => () => { stopping.current.abort(); void gathering.current?.drop(); }, []);
  const make = async (): Promise<void> => {
    stopping.current = new AbortController();
    setPercent(0);
    try {
      await gathering.current?.drop();
      const file = await written(await gather());
      if (canShare(file)) setMade({ file, saved: false });
      else save(file);
    } catch (error) {
      const full = error instanceof DOMException && error.name === "QuotaExceededError";
      said.value = { text: full ? t.errors["storage-full"] : reasonFor(error, t, b), failed: true };
    }
    setPercent(undefined);
  };
  const written = async (into: Gathering): Promise<File> => {
    gathering.current = into;
    const backups = await kith.backups();
    await backups.write(into.write, { signal: stopping.current.signal, progress: (done, total) => setPercent(Math.floor((100 * done) / Math.max(total, 1))) });
    return into.finish(b.name(dayOf(clock.now())));
  };
  const kept = (file: File): void => {
    setMade({ file, saved: true });
    void attempt(async () => (await kith.backups()).kept());
  };
  const save = (file: File): void => {
    offer(file);
    kept(file);
  };
  // Who closes the share sheet has not met a failure, and has no file.
  const share = (file: File): void => void navigator.share({ files: [file], title: file.name }).then(() => kept(file), () => undefined);
  // When it was kept is one of the changes.
  void model.changes.value;
  const { last, due } = kith.backedUp();
  return (
    <section class="card" aria-label={b.title}>
      <p class="who-title">{last === undefined ? b.never : b.last(clock.ago(last))}</p>
      {due ? <p>{b.due}</p> : null}
      {percent !== undefined ? <Course words={b.working(percent)} percent={percent} stop={b.stop} onStop={() => stopping.current.abort()} /> : null}
      {percent === undefined && made === undefined ? <div class="pair"><button type="button" class="button primary" onClick={() => void make()}>{b.make}</button></div> : null}
      {percent === undefined && made !== undefined ? <Ready made={made} onSave={() => save(made.file)} onShare={() => share(made.file)} /> : null}
    </section>
  );
}

function Ready({ made: { file, saved }, onSave, onShare }: { readonly made: Made; readonly onSave: () => void; readonly onShare: () => void }) {
  const { clock } = useApp();
  const b = useBackupWords();
  const sharing = canShare(file);
  return (
    <>
      <p role="status">{saved && !sharing ? b.saved : b.ready(clock.bytes(file.size))} {b.readyHint}</p>
      <p class="state" dir="ltr">{file.name}</p>
      <div class="pair">
        <button type="button" class={sharing || saved ? "button" : "button primary"} onClick={onSave}>{saved ? b.again : b.save}</button>
        {sharing ? <button type="button" class="button primary" onClick={onShare}>{b.share}</button> : null}
      </div>
    </>
  );
}

function KitCard({ kit, onMade }: { readonly kit: KitState; readonly onMade: (code: string) => void }) {
  const { attempt, clock, kith, model, say } = useApp();
  const b = useBackupWords();
  const [asking, setAsking] = useState<"check" | "another">();
  const { needsOld, put, since } = kit;
  const make = (): void => void attempt(async () => onMade(await (await kith.backups()).makeKit()));
  const another = async (old: string): Promise<void> => onMade(await (await kith.backups()).makeKit(old));
  const check = async (code: string): Promise<void> => {
    await (await kith.backups()).check(code);
    say(b.kit.right);
  };
  const others = model.devices.value.some(({ isPod, self }) => !self && !isPod);
  return (
    <section class="card" aria-label={b.kit.title}>
      <h2 class="who-title">{b.kit.title}</h2>
      <p>{since === undefined ? b.kit.what : `${b.kit.made(clock.at(since))} ${put ? b.kit.put : b.kit.notPut}`}</p>
      {since === undefined && needsOld ? <p>{others ? b.kit.linked : b.kit.oldHint}</p> : null}
      {since === undefined && !needsOld ? <><p class="state">{b.kit.none}</p><div class="pair"><button type="button" class="button primary" onClick={make}>{b.kit.make}</button></div></> : null}
      {since === undefined ? null : (
        <div class="pair">
          <button type="button" class="button" onClick={() => setAsking("check")}>{b.kit.check}</button>
          <button type="button" class="button" onClick={needsOld ? () => setAsking("another") : make}>{b.kit.another}</button>
        </div>
      )}
      {asking === undefined ? null : <AskKit title={b.kit[asking]} lead={asking === "another" ? b.kit.anotherHint : undefined} hint={asking === "another" ? b.kit.oldHint : b.restore.codeHint} onCode={asking === "another" ? another : check} onClose={() => setAsking(undefined)} />}
    </section>
  );
}

interface AskKitProps {
  /** What is done with the letters. */
  readonly title: string;
  readonly lead: string | undefined;
  readonly hint: string;
  readonly onCode: (code: string) => Promise<void>;
  readonly onClose: () => void;
}

/** AskKit asks for the letters of the kit that the person has, until they are right. */
function AskKit({ title, lead, hint, onCode, onClose }: AskKitProps) {
  const { t } = useApp();
  const b = useBackupWords();
  const [code, setCode] = useState("");
  const [failed, setFailed] = useState("");
  const go = async (event: Event): Promise<void> => {
    event.preventDefault();
    setFailed("");
    try {
      await onCode(code);
      onClose();
    } catch (error) {
      setFailed(reasonFor(error, t, b));
    }
  };
  return (
    <Sheet title={title} onClose={onClose}>
      <form class="settings" onSubmit={(event) => void go(event)}>
        {lead === undefined ? null : <p>{lead}</p>}
        <KitField label={b.kit.old} hint={hint} value={code} onValue={setCode} />
        <p role="alert" class="failure">{failed}</p>
        <button type="submit" class="button primary" disabled={code.trim() === ""}>{title}</button>
      </form>
    </Sheet>
  );
}

/** KitPage shows a kit, once: to be printed or written down. */
function KitPage({ code, onDone }: { readonly code: string; readonly onDone: () => void }) {
  const { attempt, clock, kith, model, router, say } = useApp();
  const b = useBackupWords();
  // Back leads to where the kit was asked for.
  useLayoutEffect(() => router.layer(onDone), []);
  const done = (): void => void attempt(async () => {
    await (await kith.backups()).putAway();
    say(b.kit.doneSaid);
    onDone();
  });
  return (
    <Screen title={b.kit.yours} back={["you"]}>
      <div class="link-card kit">
        <p class="link-once" dir="auto">{b.kit.of(model.me.value?.name ?? "", dayOf(clock.now()))}</p>
        <KitCode code={code} />
        <p>{b.kit.keep}</p>
        <p class="state">{b.kit.use}</p>
        <div class="thumb">
          <button type="button" class="button" onClick={() => print()}>{b.kit.print}</button>
          <button type="button" class="button primary" onClick={done}>{b.kit.done}</button>
        </div>
      </div>
    </Screen>
  );
}

/** dayOf writes a day as it sorts. */
function dayOf(at: number): string {
  const date = new Date(at);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((n) => String(n).padStart(2, "0")).join("-");
}
