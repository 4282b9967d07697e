import { useState } from "preact/hooks";
import type { AppPassword, DriveAt } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { type Act, Copied, OfPod, useHousehold } from "../household.tsx";
import { Icon } from "../parts/icon.tsx";
import { NameSheet } from "../parts/naming.tsx";
import { Empty } from "../parts/screen.tsx";
import { Sheet } from "../parts/sheet.tsx";
import { Sign } from "../parts/sign.tsx";
import { useHomeWords } from "../words/home.ts";

/** A password that is shown this once. */
type Fresh = AppPassword & { readonly secret: string };

/** DriveScreen lets computers open the pod as a drive, and shuts them out. */
export function DriveScreen() {
  const w = useHomeWords().drive;
  const household = useHousehold(async (home) => ({ all: await home.passwords(), at: home.driveAt() }));
  const [made, setMade] = useState<Fresh>();
  const add = (label: string): void => void household.act((home) => home.addPassword(label)).then(setMade);
  return (
    <OfPod title={w.title} back={["you", "pod"]} household={household}>
      {({ all, at }) => (
        <>
          {all.length === 0 ? <Empty title={w.none} hint={w.what}><Add onName={add} first /></Empty> : (
            <>
              <p class="lead">{w.what}</p>
              <div class="pad">
                <ul class="card rows">{all.map((each) => <li key={each.id}><Row password={each} act={household.act} /></li>)}</ul>
                <Add onName={add} />
              </div>
              <How at={at} />
            </>
          )}
          {made === undefined ? null : <Made password={made} at={at} onClose={() => setMade(undefined)} />}
        </>
      )}
    </OfPod>
  );
}

function Row({ password: { id, label, used }, act }: { readonly password: AppPassword; readonly act: Act }) {
  const { clock, say } = useApp();
  const w = useHomeWords().drive;
  // Its direction must not turn the words around it.
  const name = label === "" ? w.nameless : `\u2068${label}\u2069`;
  const revoke = (): void => void act((home) => home.revokePassword(id)).then((back) => {
    if (back === undefined) return;
    say(w.revoked(name), () => void act(() => back().then(() => true)).then((done) => done && say(w.back(name))));
  });
  return (
    <div class="row stack">
      <span class="row-icon"><Sign name="disk" /></span>
      <span class="row-text"><span class="row-title"><bdi>{name}</bdi></span><span class="row-note">{used === undefined ? w.unused : w.used(clock.at(used))}</span></span>
      <button type="button" class="button quiet" aria-label={w.revokeOf(name)} onClick={revoke}>{w.revoke}</button>
    </div>
  );
}

function Add({ onName, first = false }: { readonly onName: (label: string) => void; readonly first?: boolean }) {
  const w = useHomeWords().drive;
  const [naming, setNaming] = useState(false);
  return (
    <>
      <button type="button" class={first ? "button primary" : "button"} onClick={() => setNaming(true)}><Icon name="plus" />{w.add}</button>
      {naming ? <NameSheet title={w.name} value="" hint={w.nameHint} onClose={() => setNaming(false)} onName={onName} /> : null}
    </>
  );
}

function Made({ at, password: { secret, url, user }, onClose }: { readonly at: DriveAt; readonly password: Fresh; readonly onClose: () => void }) {
  const w = useHomeWords().drive;
  return (
    <Sheet title={w.made} onClose={onClose} foot={<button type="button" class="button primary" onClick={onClose}>{w.done}</button>}>
      <p>{w.once}</p>
      <Copied label={w.address} text={url} />
      <Copied label={w.user} text={user} />
      <Copied label={w.password} text={secret} />
      <How at={at} plain />
    </Sheet>
  );
}

function How({ at, plain = false }: { readonly at: DriveAt; readonly plain?: boolean }) {
  const w = useHomeWords().drive;
  const points = <ul class="points">{[w.at[at], w.finder, w.explorer, w.davfs].filter(Boolean).map((each) => <li key={each}>{each}</li>)}</ul>;
  if (plain) return <div class="state">{points}</div>;
  return <div class="pad"><section class="card" aria-label={w.how}><h2 class="card-title">{w.how}</h2>{points}</section></div>;
}
