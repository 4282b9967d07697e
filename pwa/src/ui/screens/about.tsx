import { useEffect, useState } from "preact/hooks";
import { useApp } from "../context.ts";
import { Notice, Screen } from "../parts/screen.tsx";
import { fingerprint } from "../update.ts";

/** AboutScreen says which app this is, starts a newer one when asked, and names what is missing. */
export function AboutScreen() {
  const { t, update } = useApp();
  const print = useFingerprint();
  return (
    <Screen title={t.about.title} back={["you"]}>
      {update.ready.value ? (
        <Notice strong text={`${t.about.update} ${t.about.updateHint}`}><button type="button" class="button primary" onClick={() => update.use()}>{t.about.use}</button></Notice>
      ) : null}
      <div class="pad">
        <section class="card">
          <h2 class="label">{t.about.print}</h2>
          {print === "none" ? <p>{t.about.printNone}</p> : <p class="print" dir="ltr">{print}</p>}
          <p class="state">{t.about.printHint}</p>
          {update.ready.value ? null : <p class="state">{t.about.current}</p>}
        </section>
        <section class="card">
          <h2 class="label">{t.about.missing}</h2>
          <p>{t.about.recovery}</p>
          <p>{t.about.comments}</p>
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
