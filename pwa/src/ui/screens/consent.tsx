import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Apps, Asked } from "../../core/kith.ts";
import { type Caution, backOf, cautionsOf, here, placeOf } from "../asked.ts";
import { useApp } from "../context.ts";
import { Face } from "../parts/face.tsx";
import { Mark } from "../parts/mark.tsx";
import { type Passkeys, passkeysOf, showPasskey } from "../passkey.ts";
import { type ElsewhereWords, useElsewhereWords } from "../words/elsewhere.ts";
import { codeOf } from "../words/words.ts";

/** How far it has come: what is asked is not known yet, cannot be known, waits for an answer, or was answered. */
type State =
  | { readonly kind: "asking" | "over" | "unreached" }
  | { readonly kind: "asked" | "leaving"; readonly asked: Asked };

/** ConsentScreen says who wants into the pod, where the person goes back to, and what the app may do then, and
 * asks for yes or no. It stands alone: whoever is here came to answer. */
export function ConsentScreen({ id }: { readonly id: string }) {
  const { kith, router } = useApp();
  const w = useElsewhereWords().consent;
  const [state, setState] = useState<State>({ kind: "asking" });
  const host = placeOf(here(window));
  const ask = async (): Promise<void> => {
    setState({ kind: "asking" });
    try {
      const apps = await kith.apps();
      setState({ kind: "asked", asked: await apps.asked(here(window), id) });
    } catch (error) {
      setState({ kind: isUnreached(error) ? "unreached" : "over" });
    }
  };
  useEffect(() => void ask(), [id]);
  const home = (): void => { router.opened.value = undefined; };
  // Whoever goes on to another screen by the address bar or by the browser's buttons has left this one.
  useEffect(() => {
    addEventListener("popstate", home);
    return () => removeEventListener("popstate", home);
  }, []);
  switch (state.kind) {
    case "asking": return <Page title={w.asking(host)}>{null}</Page>;
    case "over": return <Page title={w.over}><p class="reading">{w.overHint}</p><button type="button" class="button large" onClick={home}>{w.home}</button></Page>;
    case "unreached": return <Page title={w.unreached(host)}><p class="reading">{w.unreachedHint}</p><button type="button" class="button primary large" onClick={() => void ask()}>{w.again}</button></Page>;
    case "leaving": return <Page title={w.leaving(backOf(state.asked))}>{null}</Page>;
    case "asked": return <Decide asked={state.asked} onState={setState} />;
  }
}

function isUnreached(error: unknown): boolean {
  return codeOf(error) === "pod-unreachable" || codeOf(error) === "behind";
}

function isOver(error: unknown): boolean {
  return codeOf(error) === "not-there-any-more";
}

/** Page is one sentence, and what belongs to it. */
function Page({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  const { t } = useApp();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${t.app}`;
    heading.current?.focus();
  }, [title]);
  return (
    <main id="main" class="welcome consent">
      <Mark />
      <h1 ref={heading} tabIndex={-1} dir="auto">{title}</h1>
      {children}
    </main>
  );
}

/** Who would say yes here: this device for a pod of this host, or whoever shows a passkey. */
type By = { readonly kind: "device"; readonly pod: string } | { readonly kind: "passkey"; readonly passkeys: Passkeys | undefined };

function useBy(issuer: string): By {
  const pod = useApp().model.pod.value.url;
  return pod?.startsWith(`${issuer}/`) === true ? { kind: "device", pod } : { kind: "passkey", passkeys: passkeysOf(window) };
}

function Decide({ asked, onState }: { readonly asked: Asked; readonly onState: (state: State) => void }) {
  const { attempt, kith, said } = useApp();
  const w = useElsewhereWords().consent;
  const by = useBy(asked.issuer);
  const [busy, setBusy] = useState(false);
  const decide = (how: (apps: Apps) => Promise<string | undefined>): void => {
    setBusy(true);
    void attempt(async () => {
      try {
        const to = await how(await kith.apps());
        if (to === undefined) said.value = { text: w.notShown, failed: true };
        else leave(to);
      } catch (error) {
        if (isOver(error)) onState({ kind: "over" });
        else if (by.kind === "passkey" && codeOf(error) === "pod-refused") said.value = { text: w.unknownPasskey, failed: true };
        else throw error;
      }
    }).then(() => setBusy(false));
  };
  const leave = (to: string): void => {
    onState({ kind: "leaving", asked });
    location.replace(to);
  };
  const allow = by.kind === "device" ? () => decide((apps) => apps.allow(asked)) : by.passkeys === undefined ? undefined : withPasskey(by.passkeys);
  function withPasskey(passkeys: Passkeys): () => void {
    return () => decide(async (apps) => {
      const shown = await showPasskey(passkeys, await apps.passkeyFor(asked));
      return shown === undefined ? undefined : apps.allowByPasskey(asked, shown);
    });
  }
  return (
    <Page title={asked.name === undefined ? w.nameless : w.title(asked.name)}>
      <Facts asked={asked} by={by} />
      <Cautions asked={asked} />
      {by.kind === "passkey" ? <Nobody issuer={asked.issuer} passkeys={by.passkeys} /> : null}
      <Can />
      {by.kind === "device" ? <Public issuer={asked.issuer} /> : null}
      <div class="thumb">
        <button type="button" class="button" disabled={busy} onClick={() => decide((apps) => apps.deny(asked))}>{w.deny}</button>
        {allow === undefined ? null : <button type="button" class="button primary" disabled={busy} onClick={allow}>{by.kind === "device" ? w.allow : w.allowPasskey}</button>}
      </div>
    </Page>
  );
}

function Cautions({ asked }: { readonly asked: Asked }) {
  const w = useElsewhereWords().consent;
  const cautions = cautionsOf(asked);
  return cautions.length === 0 ? null : <div class="caution">{cautions.map((each) => <p key={each}>{cautionIn(w, each, asked)}</p>)}</div>;
}

function cautionIn(w: ElsewhereWords["consent"], caution: Caution, asked: Asked): string {
  const words = { unchecked: w.unchecked, device: w.device(backOf(asked)), local: w.local, otherHost: w.otherHost(backOf(asked), asked.host) };
  return words[caution];
}

function Facts({ asked, by }: { readonly asked: Asked; readonly by: By }) {
  const { model } = useApp();
  const w = useElsewhereWords().consent;
  const name = model.me.value?.name ?? "";
  return (
    <dl class="card facts">
      <div>
        <dt>{w.who}</dt>
        <dd>{asked.name === undefined ? w.noName : <bdi>{asked.name}</bdi>}</dd>
        <dd class="address" dir="ltr">{asked.host}</dd>
      </div>
      {backOf(asked) === asked.host ? null : (
        <div>
          <dt>{w.back}</dt>
          <dd class="address" dir="ltr">{backOf(asked)}</dd>
        </div>
      )}
      {by.kind === "passkey" ? <div><dt>{w.by}</dt><dd>{w.passkey}</dd></div> : (
        <div class="facts-person">
          <dt>{w.as}</dt>
          <dd><Face id="me" name={name} /></dd>
          <dd><bdi>{name}</bdi></dd>
          <dd class="address" dir="ltr">{placeOf(by.pod)}</dd>
        </div>
      )}
    </dl>
  );
}

/** What the app can do then. */
function Can() {
  const w = useElsewhereWords().consent;
  return (
    <section>
      <p>{w.may}</p>
      <ul class="points">{w.mays.map((each) => <li key={each}>{each}</li>)}</ul>
      <p class="state">{w.until}</p>
    </section>
  );
}

/** What strangers can look up then. Nobody has a passkey at a pod that does not tell it already. */
function Public({ issuer }: { readonly issuer: string }) {
  const { kith } = useApp();
  const w = useElsewhereWords().consent;
  const [named, setNamed] = useState(false);
  useEffect(() => {
    kith.apps().then((apps) => apps.elsewhere()).then((is) => setNamed(is.named), () => undefined);
  }, []);
  const all = [...w.publics(placeOf(issuer)), ...(named ? [w.name] : [])];
  return (
    <section>
      <p>{w.public}</p>
      <ul class="points">{all.map((each) => <li key={each}>{each}</li>)}</ul>
      <p class="state">{named ? w.notPublicNamed : w.notPublic}</p>
    </section>
  );
}

/** Why this browser cannot say yes by itself, and what can be done. */
function Nobody({ issuer, passkeys }: { readonly issuer: string; readonly passkeys: Passkeys | undefined }) {
  const { model } = useApp();
  const w = useElsewhereWords().consent;
  const host = placeOf(issuer);
  const pod = model.pod.value.url;
  const [why, hint] =
    model.me.value === undefined ? [w.nobody(host), w.nobodyHint]
    : pod === undefined ? [w.noPod, w.noPodHint]
    : [w.otherPod(placeOf(pod), host), w.otherPodHint(new URL(pod).host)];
  return <p class="caution">{why} {hint} {passkeys === undefined ? w.noPasskeys : ""}</p>;
}
