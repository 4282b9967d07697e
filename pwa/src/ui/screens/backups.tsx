import { useEffect, useId, useState } from "preact/hooks";
import type { Backup, Kit } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { type Act, Copied, named, OfPod, sorryFor, useHousehold } from "../household.tsx";
import { Icon } from "../parts/icon.tsx";
import { Empty } from "../parts/screen.tsx";
import { Ask, Sheet } from "../parts/sheet.tsx";
import { useHomeWords } from "../words/home.ts";

/** How often a run under way is looked at, in milliseconds. */
const glance = 1_500;

/** BackupsScreen says where the pod is kept a second time and how that stands, and looks after it. */
export function BackupsScreen() {
  const w = useHomeWords();
  const household = useHousehold(async (home) => ({ backups: await home.backups(), kits: await home.kits() }));
  const { said, read } = household;
  // Above what is read again: what is being typed stays when a first place appears.
  const [adding, setAdding] = useState(false);
  const busy = said?.backups.some(({ waiting }) => waiting) === true;
  useEffect(() => {
    if (!busy) return undefined;
    const id = setTimeout(read, glance);
    return () => clearTimeout(id);
  }, [said]);
  return (
    <OfPod title={w.backups.title} back={["you", "pod"]} household={household}>
      {({ backups, kits }) => (
        <>
          {backups.length === 0 ? <Empty title={w.backups.none} hint={`${w.backups.noneHint} ${w.backups.what}`}><Add onAdd={() => setAdding(true)} first /></Empty> : (
            <>
              <ul class="settings">{backups.map((backup) => <li key={backup.id}><Place backup={backup} act={household.act} /></li>)}</ul>
              <div class="pad pair"><Add onAdd={() => setAdding(true)} /><Now act={household.act} busy={busy} /></div>
              <Kits kits={kits} />
            </>
          )}
          <Disk />
          {adding ? <AddSheet act={household.act} onClose={() => setAdding(false)} /> : null}
        </>
      )}
    </OfPod>
  );
}

function Place({ backup, act }: { readonly backup: Backup; readonly act: Act }) {
  const { clock, say } = useApp();
  const w = useHomeWords();
  const [asking, setAsking] = useState(false);
  const { damaged, done, error, id, next, progress, state, unconfirmed, user, waiting } = backup;
  const [place, name] = [named(backup.place), usePodName()];
  const soon = progress !== undefined ? w.backups.running(progress.done, progress.total) : state === "looking" ? w.backups.checking : waiting ? w.backups.waiting : undefined;
  const goes = [soon ?? (next === undefined ? [] : w.backups.next(clock.at(next))), user === undefined ? [] : w.backups.as(user)].flat();
  const remove = (): void => {
    setAsking(false);
    void act((home) => home.removeBackup(id).then(() => true)).then((gone) => gone && say(w.backups.removed));
  };
  return (
    <section class="card" aria-label={place}>
      <h2 class="card-title address" dir="ltr">{place}</h2>
      <p role="status">{done === undefined ? w.backups.empty : w.backups.holds(clock.at(done))}</p>
      {damaged ? <p class="danger-text">{w.trouble.does["damaged"]}</p> : null}
      {unconfirmed ? <p>{w.trouble.does["unconfirmed"]} <span class="address" dir="ltr">{`kith backup confirm ${name} ${id}`}</span></p> : error === undefined || waiting ? null : <Failed backup={backup} error={error} />}
      {goes.length === 0 ? null : <p class="state">{goes.join(" ")}</p>}
      {progress === undefined ? null : <progress max={progress.total} value={progress.done} aria-label={w.backups.running(progress.done, progress.total)} />}
      <button type="button" class="button quiet" aria-label={w.backups.removeOf(place)} onClick={() => setAsking(true)}>{w.backups.remove}</button>
      {asking ? <Ask title={w.backups.removeTitle(place)} text={w.backups.removeText} yes={w.backups.remove} no={w.keep} onYes={remove} onNo={() => setAsking(false)} /> : null}
    </section>
  );
}

/** Why a place fails: in the app's words where it has some, else in the pod's. */
function Failed({ backup: { state, why = "" }, error }: { readonly backup: Backup; readonly error: string }) {
  const w = useHomeWords().backups;
  return <p class="danger-text" dir="auto">{(state === "refused" ? w.unfit : w.failed)(w.why[why] ?? error)}</p>;
}

function Now({ act, busy }: { readonly act: Act; readonly busy: boolean }) {
  const { say } = useApp();
  const w = useHomeWords().backups;
  const now = (): void => void act((home) => home.backUpNow().then(() => true)).then((asked) => asked && say(w.asked));
  return <button type="button" class="button primary" disabled={busy} onClick={now}>{w.now}</button>;
}

function Add({ onAdd, first = false }: { readonly onAdd: () => void; readonly first?: boolean }) {
  const w = useHomeWords().backups;
  return <button type="button" class={first ? "button primary" : "button"} onClick={onAdd}><Icon name="plus" />{w.add}</button>;
}

function AddSheet({ act, onClose }: { readonly act: Act; readonly onClose: () => void }) {
  const { kith, say, t } = useApp();
  const all = useHomeWords();
  const w = all.backups;
  const form = useId();
  const [place, setPlace] = useState("");
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [state, setState] = useState<"" | "busy" | { readonly sorry: string }>("");
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    setState("busy");
    try {
      const why = await (await kith.home()).addBackup(place.trim(), user.trim(), password);
      if (why !== undefined) return setState({ sorry: w.why[why] ?? w.refused });
    } catch (error) {
      return setState({ sorry: sorryFor(error, t, all) });
    }
    onClose();
    say(w.waiting);
    void act(async () => undefined);
  };
  const ready = place.trim() !== "" && state !== "busy";
  return (
    <Sheet title={w.add} onClose={onClose} foot={<button type="submit" form={form} class="button primary" disabled={!ready}>{w.add}</button>}>
      <form id={form} class="settings" onSubmit={(event) => void add(event)}>
        <p>{w.addHint}</p>
        <Field label={w.place} value={place} onValue={setPlace} hint={w.example} kind="url" focused />
        <Field label={w.user} value={user} onValue={setUser} kind="text" />
        <Field label={w.password} value={password} onValue={setPassword} hint={w.passwordHint} kind="password" />
        <p class={typeof state === "object" ? "danger-text" : "state"} role="status">{state === "busy" ? w.checking : typeof state === "object" ? state.sorry : ""}</p>
      </form>
    </Sheet>
  );
}

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly kind: "url" | "text" | "password";
  readonly hint?: string;
  readonly focused?: boolean;
}

function Field({ label, value, onValue, kind, hint, focused = false }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} {...(kind === "password" ? { type: kind } : { type: "text" as const, inputMode: kind })} dir="ltr" autocomplete="off" autocapitalize="none" spellcheck={false} autofocus={focused} value={value}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}h` })}
        onInput={(event) => onValue(event.currentTarget.value)} />
      {hint === undefined ? null : <p class="state" id={`${id}h`}>{hint}</p>}
    </div>
  );
}

/** The kits stay hidden until they are asked for: somebody may look over one's shoulder. */
function Kits({ kits }: { readonly kits: readonly Kit[] }) {
  const w = useHomeWords().backups;
  const [shown, setShown] = useState(false);
  return (
    <div class="pad">
      <section class="card" aria-label={w.kit}>
        <h2 class="card-title">{w.kit}</h2>
        <p>{w.kitHint}</p>
        {kits.length === 0 ? <p class="state">{w.kitNone}</p> : <button type="button" class="button" onClick={() => setShown(true)}>{w.kitShow}</button>}
      </section>
      {shown ? (
        <Sheet title={w.kit} onClose={() => setShown(false)}>
          <p>{w.kitChanges}</p>
          {kits.map(({ kit, place }) => (
            <section key={place}>
              <Copied label={w.kitOf(named(place))} text={kit} />
              <p class="state">{w.kitRestore}</p>
              <p class="address" dir="ltr">{`kith restore ${place}`}</p>
            </section>
          ))}
        </Sheet>
      ) : null}
    </div>
  );
}

function Disk() {
  const w = useHomeWords().backups;
  const name = usePodName();
  return <p class="state pad">{w.disk} <span class="address" dir="ltr">{w.diskCommand(name)}</span></p>;
}

/** What the pod is called on its machine. */
function usePodName(): string {
  const { model } = useApp();
  return new URL(model.pod.value.url ?? "https://pod.invalid/").pathname.split("/").filter(Boolean).at(-1) ?? "me";
}
