import { useEffect, useState } from "preact/hooks";
import type { Relay, Relays } from "../../core/kith.ts";
import { useRelays } from "../asking.ts";
import { codeOf, sentenceFor } from "../words/words.ts";
import { useApp } from "../context.ts";
import { Icon } from "../parts/icon.tsx";
import { Screen } from "../parts/screen.tsx";
import { Sign } from "../parts/sign.tsx";
import { useRelayWords } from "../words/relays.ts";

/** RelaysScreen says how each relay stands, adds one by its address, and leaves one. */
export function RelaysScreen() {
  const w = useRelayWords();
  const { all, list } = useRelays();
  return (
    <Screen title={w.relays.title} back={["you"]}>
      <p class="lead">{w.relays.what}</p>
      {all === undefined ? null : (
        <div class="pad">
          {list.length === 0 ? null : <List all={all} list={list} />}
          {all.leaving().map(({ host, until }) => <Leaving key={host} host={host} until={until} />)}
          <Add all={all} first={list.length === 0} />
          <Wake all={all} reached={list.length > 0} />
          {list.length > 1 ? <Hop all={all} /> : null}
        </div>
      )}
    </Screen>
  );
}

interface ListProps {
  readonly all: Relays;
  readonly list: readonly Relay[];
}

function List({ all, list }: ListProps) {
  const w = useRelayWords();
  return (
    <>
      <ul class="card rows">{list.map((relay) => <li key={relay.url}><RelayRow all={all} relay={relay} last={list.length === 1} /></li>)}</ul>
      {list.length === 1 ? <p class="state">{w.relays.one}</p> : null}
    </>
  );
}

function RelayRow({ all, relay, last }: { readonly all: Relays; readonly relay: Relay; readonly last: boolean }) {
  const { attempt, clock, model, say } = useApp();
  const w = useRelayWords();
  const { host, since, state, url } = relay;
  const alone = last && model.pod.value.kind === "none";
  const leave = (): void => void attempt(async () => {
    await all.remove(url);
    say(alone ? w.relays.leftAlone(host) : w.relays.left(host), () => void attempt(() => all.restore(url)));
  });
  return (
    <div class="row stack">
      <span class="row-icon"><Sign name="relay" /></span>
      <span class="row-text">
        <span class="row-title" dir="ltr">{host}</span>
        <span class={state === "connected" ? "row-note standing-is good" : "row-note standing-is"}>{state === "unreachable" && since !== undefined ? w.relays.unreachable(clock.at(since)) : w.relays.is[state]}</span>
      </span>
      <button type="button" class="button quiet" aria-label={w.relays.removeOne(host)} onClick={leave}>{w.relays.remove}</button>
    </div>
  );
}

/** Whether one relay forwards to the other. */
function Hop({ all }: { readonly all: Relays }) {
  const { attempt } = useApp();
  const w = useRelayWords();
  return (
    <section class="card">
      <label class="row pick">
        <span class="row-text"><span class="row-title">{w.relays.hop}</span><span class="row-note">{all.hop ? w.relays.hopOn : w.relays.hopOff}</span></span>
        <input type="checkbox" role="switch" checked={all.hop} onChange={() => void attempt(() => all.setHop(!all.hop))} />
      </label>
    </section>
  );
}

/** Whether a relay or the pod may wake this device. */
function Wake({ all, reached }: { readonly all: Relays; readonly reached: boolean }) {
  const { attempt, model, t } = useApp();
  const w = useRelayWords();
  const [can, setCan] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    let left = false;
    void all.canWake().then((able) => { if (!left) setCan(able); });
    return () => { left = true; };
  }, []);
  if (!can || !(reached || model.pod.value.kind !== "none")) return null;
  const turn = (event: { readonly currentTarget: HTMLInputElement }): void => {
    event.currentTarget.checked = all.wakes;
    setBusy(true);
    void attempt(() => all.setWakes(!all.wakes, t.woken)).then(() => setBusy(false));
  };
  return (
    <section class="card">
      <label class="row pick">
        <span class="row-text"><span class="row-title">{w.relays.wake}</span><span class="row-note" role="status">{busy ? w.relays.waking : all.wakes ? w.relays.wakeOn : w.relays.wakeOff}</span></span>
        <input type="checkbox" role="switch" checked={all.wakes} disabled={busy} onChange={turn} />
      </label>
    </section>
  );
}

/** Adds a relay: the one that is at hand, or one by its address. A code is asked for where the relay wants one. */
function Add({ all, first }: { readonly all: Relays; readonly first: boolean }) {
  const { say, t } = useApp();
  const w = useRelayWords();
  const [address, setAddress] = useState("");
  const [code, setCode] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string>();
  const near = useSuggested(all);
  const add = async (to: string): Promise<void> => {
    if (to.trim() === "" || busy) return;
    setBusy(true);
    setTrouble(undefined);
    try {
      await all.add(to, code);
      setAddress("");
      setCode(undefined);
      say(w.relays.added);
    } catch (error) {
      // Its operator lets in only those who have a code: then there is a field for it.
      if (codeOf(error) === "relay-refused" && code === undefined) setCode("");
      setTrouble(sentenceFor(error, t));
    }
    setBusy(false);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    void add(address);
  };
  return (
    <form class="card adding" aria-label={w.relays.add} onSubmit={submit}>
      {first ? <><h2 class="card-title">{w.relays.none}</h2><p>{w.relays.noneHint}</p></> : null}
      {near === undefined ? null : <button type="button" class={first ? "button primary" : "button"} disabled={busy} onClick={() => void add(near)}><Icon name="plus" />{w.relays.near(new URL(near).host)}</button>}
      <label class="field">
        <span class="label">{first ? w.relays.address : w.relays.another}</span>
        <input type="text" inputMode="url" autoComplete="off" autoCapitalize="none" spellcheck={false} dir="ltr" value={address} placeholder={w.relays.example} onInput={(event) => setAddress(event.currentTarget.value)} aria-describedby="relay-told" />
      </label>
      {code === undefined ? null : (
        <label class="field">
          <span class="label">{w.relays.code}</span>
          <input type="text" autoComplete="off" spellcheck={false} dir="ltr" value={code} onInput={(event) => setCode(event.currentTarget.value)} />
        </label>
      )}
      <p id="relay-told" class={trouble === undefined ? "state" : "state danger-text"} role="status">{busy ? w.relays.adding : trouble ?? w.relays.addHint}</p>
      <button type="submit" class={first && near === undefined ? "button primary" : "button"} disabled={busy || address.trim() === ""}>{w.relays.add}</button>
    </form>
  );
}

/** The pod's host, or the app's, when it is a relay too. */
function useSuggested(all: Relays): string | undefined {
  const [near, setNear] = useState<string>();
  const count = all.list().length;
  useEffect(() => {
    let left = false;
    void all.suggested().then((url) => { if (!left) setNear(url); }, () => undefined);
    return () => { left = true; };
  }, [count]);
  return near;
}

function Leaving({ host, until }: { readonly host: string; readonly until: number }) {
  const { clock } = useApp();
  const w = useRelayWords();
  return <p class="state">{w.relays.leaving(host, clock.at(until))}</p>;
}
