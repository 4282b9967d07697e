import { useEffect, useState } from "preact/hooks";
import type { PodPreview, PodState, PostRef } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { firstLine, PostLine, usePosts } from "../parts/line.tsx";
import { Paste } from "../parts/paste.tsx";
import { Row, Rows } from "../parts/rows.tsx";
import { Notice, Screen } from "../parts/screen.tsx";
import { AskButton } from "../parts/sheet.tsx";
import { type RelayWords, useRelayWords } from "../words/relays.ts";
import { podIs } from "../words/words.ts";
import type { Words } from "../words/words.ts";

/** PodScreen connects to one's pod and says how it stands with it. */
export function PodScreen() {
  const { model, t } = useApp();
  const w = useRelayWords();
  const pod = model.pod.value;
  const removed = model.me.value?.removed === true;
  return (
    <Screen title={t.standing.pod} back={["you"]}>
      {pod.askDeletions === undefined ? null : <AskDeletions n={pod.askDeletions} posts={pod.askPosts ?? []} />}
      {pod.kind === "none" || removed ? null : <Standing pod={pod} />}
      {removed ? <p class="reading pad">{t.standing.removed} {w.devices.off}</p> : <Connect pod={pod} />}
      {pod.kind === "none" ? null : <>{pod.kind === "refused" ? null : <More />}<Forget /></>}
    </Screen>
  );
}

/** A link that was opened, pasted or scanned connects after one tap. That of the pod that is connected has nothing to add. */
function Connect({ pod }: { readonly pod: PodState }) {
  const { attempt, kith, router, say, t } = useApp();
  const w = useRelayWords();
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState("");
  const [found, setFound] = useState<PodPreview>();
  const paired = pod.kind !== "none" && pod.kind !== "refused";
  const link = router.opened.value;
  const open = (to: string): void => {
    setTried(to);
    void attempt(async () => kith.previewPod(to)).then((next) => {
      if (paired && next?.pod === pod.url) say(t.standing.podIs.connected);
      else setFound(next);
    });
  };
  useEffect(() => {
    if (link === undefined) return;
    router.opened.value = undefined;
    open(link);
  }, [link]);
  const connect = async (): Promise<void> => {
    setBusy(true);
    const done = await attempt(() => kith.connectPod(tried).then(() => true));
    setBusy(false);
    setFound(undefined);
    if (done === true) say(w.pod.connected1);
    else if (kith.me()?.removed === true) say(t.standing.removed);
  };
  if (busy) return <p class="state pad" role="status">{w.pod.connecting}</p>;
  if (found !== undefined) return <Found pod={pod} paired={paired} found={found} onConnect={() => void connect()} onLeave={() => setFound(undefined)} />;
  if (paired) return null;
  return (
    <>
      <div class="pad">
        {pod.kind === "none" ? <><p class="reading">{w.pod.what}</p><p>{w.pod.how}</p></> : <p>{w.pod.refusedHint}</p>}
      </div>
      <Paste key={tried} label={w.pod.paste} hint={w.pod.pasteHint} go={w.add.open} tried={tried} onLink={open} />
    </>
  );
}

interface FoundProps {
  readonly pod: PodState;
  readonly paired: boolean;
  readonly found: PodPreview;
  readonly onConnect: () => void;
  readonly onLeave: () => void;
}

function Found({ pod, paired, found, onConnect, onLeave }: FoundProps) {
  const w = useRelayWords();
  return (
    <div class="pad">
      <p class="invitation-title" dir="ltr">{found.host}</p>
      <p class="reading">{paired ? w.pod.already(hostOf(pod.url ?? "")) : w.pod.what}</p>
      <div class="thumb">
        <button type="button" class="button" onClick={onLeave}>{w.add.notNow}</button>
        <button type="button" class={paired ? "button" : "button primary"} onClick={onConnect}>{paired ? w.pod.instead : w.pod.connect}</button>
      </div>
    </div>
  );
}

/** What else there is to look after. */
function More() {
  const { troubles } = useApp();
  const w = useRelayWords();
  return (
    <Rows>
      <Row to="trouble" icon={troubles.value.length === 0 ? "info" : "warning"} title={w.pod.told} note={w.pod.toldIs(troubles.value.length)} />
      <Row to="backups" icon="backup" title={w.pod.backups} note={w.pod.backupsHint} />
      <Row to="drive" icon="disk" title={w.pod.drive} note={w.pod.driveHint} />
    </Rows>
  );
}

function Standing({ pod }: { readonly pod: PodState }) {
  const { clock, kith, t } = useApp();
  const w = useRelayWords();
  const { error, kind, lastSync, progress, url, waiting } = pod;
  useEffect(() => { void kith.syncNow(); }, []);
  return (
    <div class="pad">
      <section class="card pod-card">
        <p class={error === undefined ? `pod-state ${kind}` : "pod-state"}>{podIs(pod, t)}</p>
        {url === undefined ? null : <p dir="auto">{w.pod.at(hostOf(url))}</p>}
        <p role="status">{wordsOf(pod, t, w)}</p>
        {progress === undefined ? null : <progress max={progress.total} value={progress.done} aria-label={w.pod.progress(progress.done, progress.total)} />}
        {lastSync === undefined ? null : <p class="state">{w.pod.last(clock.at(lastSync))}</p>}
        {kind === "unreachable" || waiting > 0 ? <button type="button" class="button" onClick={() => void kith.syncNow()}>{w.pod.again}</button> : null}
      </section>
    </div>
  );
}

function Forget() {
  const { attempt, kith, say } = useApp();
  const w = useRelayWords();
  const forget = (): void => void attempt(() => kith.disconnectPod().then(() => say(w.pod.disconnected)));
  return (
    <div class="pad">
      <AskButton look="button" title={w.pod.disconnectTitle} text={w.pod.disconnectHint} yes={w.pod.disconnect} no={w.devices.keep} onYes={forget}>{w.pod.disconnect}</AskButton>
    </div>
  );
}

function wordsOf({ error, kind, progress, waiting }: PodState, t: Words, w: RelayWords): string {
  if (progress !== undefined) return w.pod.progress(progress.done, progress.total);
  if (error !== undefined) return t.errors[error.code];
  if (kind === "unreachable") return t.errors["pod-unreachable"];
  if (kind === "refused") return t.errors["pod-refused"];
  if (kind === "connecting") return "";
  return waiting === 0 ? w.pod.allThere : w.pod.waiting(waiting);
}

function AskDeletions({ n, posts }: { readonly n: number; readonly posts: readonly PostRef[] }) {
  const { attempt, clock, kith, t } = useApp();
  const w = useRelayWords();
  const all = [...usePosts(posts).values()];
  const answer = (yes: boolean): void => void attempt(() => kith.confirmDeletions(yes));
  return (
    <Notice strong text={`${t.standing.ask(n)} ${w.pod.askHint}`}>
      {all.length === 0 ? null : (
        <details class="which">
          <summary>{w.pod.askWhich}</summary>
          <ul>{all.map((post) => <li key={post.ref}><PostLine post={post} text={firstLine(post) || clock.at(post.published)} /></li>)}</ul>
          {n > all.length ? <p class="state">{t.picture.more(n - all.length)}</p> : null}
        </details>
      )}
      <div class="pair">
        <button type="button" class="button" onClick={() => answer(false)}>{w.pod.askNo}</button>
        <button type="button" class="button danger" onClick={() => answer(true)}>{w.pod.askYes}</button>
      </div>
    </Notice>
  );
}

/** hostOf returns what a person would call the address. */
export function hostOf(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return host + pathname.replace(/\/$/, "");
  } catch {
    return url;
  }
}
