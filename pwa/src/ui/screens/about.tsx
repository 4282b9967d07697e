import { useEffect, useState } from "preact/hooks";
import { useApp } from "../context.ts";
import { Notice, Screen } from "../parts/screen.tsx";
import { fingerprint } from "../update.ts";
import { usePlaceWords } from "../words/places.ts";

/** AboutScreen says which app this is, starts a newer one when asked, and names what is missing. */
export function AboutScreen() {
  const { t, update } = useApp();
  const p = usePlaceWords();
  const print = useFingerprint();
  return (
    <Screen title={p.about.title} back={["you"]}>
      {update.ready.value ? (
        <Notice strong text={`${t.update.ready} ${p.about.updateHint}`}><button type="button" class="button primary" onClick={() => update.use()}>{t.update.use}</button></Notice>
      ) : null}
      <div class="pad">
        <section class="card">
          <h2 class="label">{p.about.print}</h2>
          {print === "none" ? <p>{p.about.printNone}</p> : <p class="print" dir="ltr">{print}</p>}
          <p class="state">{p.about.printHint}</p>
          {update.ready.value ? null : <p class="state">{p.about.current}</p>}
        </section>
        <section class="card">
          <h2 class="label">{p.about.missing}</h2>
          <p>{p.about.comments}</p>
        </section>
      </div>
    </Screen>
  );
}

function useFingerprint(): string {
  const [print, setPrint] = useState("");
  useEffect(() => { void fingerprint(window).then((found) => setPrint(found ?? "none")); }, []);
  return print;
}
