import { useEffect, useState } from "preact/hooks";
import type { Admitted, Apps, Elsewhere } from "../../core/kith.ts";
import { here, placeOf } from "../asked.ts";
import { useApp } from "../context.ts";
import { Icon } from "../parts/icon.tsx";
import { NameSheet } from "../parts/naming.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { Ask } from "../parts/sheet.tsx";
import { Sign, type SignName } from "../parts/sign.tsx";
import { addressOf } from "../route.ts";
import { type Passkeys, createPasskey, passkeysOf } from "../passkey.ts";
import { useElsewhereWords } from "../words/elsewhere.ts";

/** What the pod says. */
interface Said {
  readonly elsewhere: Elsewhere;
  readonly admitted: readonly Admitted[];
}

/** Runs something at the pod and shows afterwards what the pod says then; undefined when it failed. */
type Act = <T>(act: (apps: Apps) => Promise<T>) => Promise<T | undefined>;

/** AppsScreen is where one lets other apps sign one in, and where one shuts them out. */
export function AppsScreen() {
  const { model } = useApp();
  const w = useElsewhereWords().apps;
  const has = model.pod.value.kind !== "none";
  return (
    <Screen title={w.title} back={["you"]}>
      {has ? <OfPod /> : <Empty title={w.noPod} hint={w.noPodHint}><a class="button primary" href={addressOf("you", "pod")}>{w.connect}</a></Empty>}
    </Screen>
  );
}

function OfPod() {
  const { attempt, kith } = useApp();
  const w = useElsewhereWords().apps;
  const [said, setSaid] = useState<Said>();
  const [failed, setFailed] = useState(false);
  const read = async (): Promise<void> => {
    const apps = await kith.apps();
    const [elsewhere, admitted] = await Promise.all([apps.elsewhere(), apps.admitted()]);
    setSaid({ elsewhere, admitted });
  };
  const begin = (): void => {
    setFailed(false);
    read().catch(() => setFailed(true));
  };
  useEffect(begin, []);
  const act: Act = (what) => attempt(async () => {
    const done = await what(await kith.apps());
    await read();
    return done;
  });
  if (failed) return <Empty title={w.unreached}><button type="button" class="button" onClick={begin}>{w.again}</button></Empty>;
  if (said === undefined) return <p class="state pad" role="status">{w.asking}</p>;
  return (
    <>
      <Switches {...said} act={act} />
      {said.elsewhere.on ? <Names {...said.elsewhere} /> : null}
      <Lists {...said} act={act} />
      {said.elsewhere.on ? <AddPasskey {...said.elsewhere} act={act} /> : null}
    </>
  );
}

function Switches({ elsewhere: { issuer, named, on }, admitted, act }: Said & { readonly act: Act }) {
  const { model, say } = useApp();
  const w = useElsewhereWords().apps;
  const [asking, setAsking] = useState(false);
  const host = placeOf(issuer);
  const working = admitted.filter(({ kind }) => kind === "app" || kind === "credentials").length;
  const turn = (to: Pick<Elsewhere, "on" | "named">, done: string): void => {
    setAsking(false);
    void act((apps) => apps.setElsewhere(to).then(() => true)).then((turned) => turned && say(done));
  };
  const off = (): void => turn({ on: false, named: false }, w.turnedOff);
  const change = (): void => {
    if (!on) turn({ on: true, named: false }, w.turnedOn);
    else if (working > 0) setAsking(true);
    else off();
  };
  return (
    <div class="pad">
      <section class="card" aria-label={w.public}>
        <Switch title={w.switch} note={on ? w.on(host) : w.off(host)} on={on} onChange={change} />
        {on ? <Switch title={w.named} note={w.namedIs(model.me.value?.name ?? "", named)} on={named} onChange={() => turn({ on, named: !named }, named ? w.unnamed : w.named1)} /> : null}
      </section>
      {asking ? <Ask title={w.turnOffTitle} text={w.turnOffText(working)} yes={w.turnOff} no={w.keep} onYes={off} onNo={() => setAsking(false)} /> : null}
    </div>
  );
}

/** Switch stays as the pod says that it is, until the pod says otherwise. */
function Switch({ title, note, on, onChange }: { readonly title: string; readonly note: string; readonly on: boolean; readonly onChange: () => void }) {
  const change = (event: { readonly currentTarget: HTMLInputElement }): void => {
    event.currentTarget.checked = on;
    onChange();
  };
  return (
    <label class="row pick">
      <span class="row-text"><span class="row-title">{title}</span><span class="row-note">{note}</span></span>
      <input type="checkbox" role="switch" checked={on} onChange={change} />
    </label>
  );
}

/** What other apps ask for, to copy. */
function Names({ issuer, webid }: Elsewhere) {
  const w = useElsewhereWords().apps;
  return (
    <div class="pad">
      <section class="card" aria-label={w.names}>
        <Copied label={w.webid} text={webid} action={w.copyWebid} />
        <Copied label={w.issuer} text={issuer} action={w.copyIssuer} />
        <p class="state">{w.namesHint}</p>
      </section>
    </div>
  );
}

function Copied({ label, text, action }: { readonly label: string; readonly text: string; readonly action: string }) {
  const { attempt, say, t } = useApp();
  const w = useElsewhereWords().apps;
  const copy = (): void => void attempt(() => navigator.clipboard.writeText(text).then(() => say(t.copied)));
  return (
    <div class="row">
      <span class="row-text"><span class="row-note">{label}</span><span class="address" dir="ltr">{text}</span></span>
      <button type="button" class="button quiet" aria-label={action} onClick={copy}>{w.copy}</button>
    </div>
  );
}

const icons: Readonly<Record<Admitted["kind"], SignName>> = { app: "apps", credentials: "draft", passkey: "key", password: "disk" };

function Lists({ admitted, elsewhere, act }: Said & { readonly act: Act }) {
  const w = useElsewhereWords().apps;
  const [leaving, setLeaving] = useState<Admitted>();
  return (
    <>
      {(["app", "credentials", "passkey", "password"] as const).map((kind) => {
        const those = admitted.filter((each) => each.kind === kind);
        return those.length === 0 ? null : (
          <section key={kind} aria-label={w[kind]}>
            <h2 class="label pad">{w[kind]}</h2>
            <div class="pad"><ul class="card rows">{those.map((each) => <li key={each.id}><Row admitted={each} onRemove={() => setLeaving(each)} /></li>)}</ul></div>
          </section>
        );
      })}
      {admitted.length === 0 && elsewhere.on ? <p class="state pad">{w.none} {w.noneHint}</p> : null}
      {leaving === undefined ? null : <Remove admitted={leaving} act={act} onClose={() => setLeaving(undefined)} />}
    </>
  );
}

function Row({ admitted: { host, kind, name, since, used }, onRemove }: { readonly admitted: Admitted; readonly onRemove: () => void }) {
  const { clock } = useApp();
  const w = useElsewhereWords().apps;
  const shown = name === "" ? w.nameless : name;
  return (
    <div class="row stack">
      <span class="row-icon"><Sign name={icons[kind]} /></span>
      <span class="row-text">
        <span class="row-title"><bdi>{shown}</bdi></span>
        <span class="row-note">
          {host === undefined ? null : <span dir="ltr">{host}</span>}
          <span>{w.since(clock.at(since))}</span>
          <span>{used === undefined ? w.unused : w.used(clock.at(used))}</span>
        </span>
      </span>
      <button type="button" class="button quiet" aria-label={w.removeOf(shown)} onClick={onRemove}>{w.remove}</button>
    </div>
  );
}

function Remove({ admitted: { id, kind, name }, act, onClose }: { readonly admitted: Admitted; readonly act: Act; readonly onClose: () => void }) {
  const { say } = useApp();
  const w = useElsewhereWords().apps;
  const shown = name === "" ? w.nameless : name;
  const remove = (): void => {
    onClose();
    void act((apps) => apps.removeAdmitted(id).then(() => true)).then((done) => done && say(w.removed(shown)));
  };
  return <Ask title={w.removeTitle(shown)} text={w.removeText[kind]} yes={w.remove} no={w.keep} onYes={remove} onNo={onClose} />;
}

/** A passkey belongs to the host of the page that makes it. */
function AddPasskey({ issuer, act }: Elsewhere & { readonly act: Act }) {
  const w = useElsewhereWords().apps;
  const [naming, setNaming] = useState(false);
  const add = useAdding(act);
  const passkeys = passkeysOf(window);
  if (here(window) !== issuer) return <p class="state pad">{w.addAt(placeOf(issuer))}</p>;
  if (passkeys === undefined) return <p class="state pad">{w.noPasskeys}</p>;
  return (
    <div class="pad">
      <button type="button" class="button" onClick={() => setNaming(true)}><Icon name="plus" />{w.add}</button>
      <p class="state">{w.addHint}</p>
      {naming ? <NameSheet title={w.addName} value="" hint={w.addNameHint} onClose={() => setNaming(false)} onName={(name) => add(passkeys, name)} /> : null}
    </div>
  );
}

function useAdding(act: Act): (passkeys: Passkeys, name: string) => void {
  const { say } = useApp();
  const w = useElsewhereWords().apps;
  return (passkeys, name) => void act(async (apps) => {
    const made = await createPasskey(passkeys, await apps.newPasskey());
    if (made !== undefined) await apps.addPasskey(made, name);
    return made !== undefined;
  }).then((added) => added !== undefined && say(added ? w.added : w.notAdded));
}
