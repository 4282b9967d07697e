import { useState } from "preact/hooks";
import type { PostRef, Trouble } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { type Act, named, OfPod, useHousehold } from "../household.tsx";
import { firstLine, PostLine, usePosts } from "../parts/line.tsx";
import { Empty } from "../parts/screen.tsx";
import { Ask } from "../parts/sheet.tsx";
import { addressOf } from "../route.ts";
import { useHomeWords } from "../words/home.ts";

/** ToldScreen says what is not as it should be at the pod, one card each, with what can be done about it. */
export function ToldScreen() {
  const { troubles } = useApp();
  const w = useHomeWords();
  const household = useHousehold(async (home) => {
    const all = await home.troubles();
    troubles.value = all;
    return all;
  });
  return (
    <OfPod title={w.trouble.title} back={["you", "pod"]} household={household}>
      {(all) => all.length === 0 ? <Empty title={w.trouble.none} hint={w.trouble.noneHint} /> : (
        <ul class="settings">{all.map((trouble) => <li key={trouble.text}><Card trouble={trouble} act={household.act} /></li>)}</ul>
      )}
    </OfPod>
  );
}

function Card({ trouble, act }: { readonly trouble: Trouble; readonly act: Act }) {
  const { clock } = useApp();
  const { backups, trouble: w } = useHomeWords();
  const { count, free, kind, paths, place, seen, since, text, until, why = "" } = trouble;
  const title = w.is[kind] ?? w.other;
  const more = [
    ...(free === undefined ? [] : [w.room(clock.bytes(free))]),
    ...(until === undefined ? [] : [w.until(clock.at(until))]),
    ...(since === undefined ? [] : [w.since(clock.at(since))]),
  ];
  return (
    <section class="card" aria-label={place === undefined ? title : `${title} ${named(place)}`}>
      <h2 class="card-title">{title}</h2>
      {place === undefined ? null : <p class="address" dir="ltr">{named(place)}</p>}
      <p dir="auto">{w.does[`${kind} ${why}`] ?? w.does[kind] ?? text}</p>
      {kind === "backup" && backups.why[why] !== undefined ? <p>{backups.why[why]}</p> : null}
      {more.length === 0 ? null : <p class="state">{more.join(" ")}</p>}
      {paths.length === 0 || kind === "lists" ? null : <Which paths={paths} count={Math.max(count, paths.length)} />}
      {kind === "deletions" ? <Decide count={count} seen={seen} act={act} /> : null}
      {["backup", "damaged", "unconfirmed", "elsewhere"].includes(kind) ? <a class="button" href={addressOf("you", "backups")}>{w.backups}</a> : null}
      {kind === "unkept" ? <Unkept act={act} /> : null}
    </section>
  );
}

/** Naming a place is the one thing that helps; who keeps copies in another way is left alone. */
function Unkept({ act }: { readonly act: Act }) {
  const { say } = useApp();
  const w = useHomeWords();
  const own = (): void => void act((home) => home.keepCopies().then(() => true)).then((done) => done && say(w.trouble.copiesKept));
  return (
    <div class="pair">
      <a class="button primary" href={addressOf("you", "backups")}>{w.backups.add}</a>
      <button type="button" class="button" onClick={own}>{w.trouble.copies}</button>
    </div>
  );
}

/** The files by name; posts by what they say, since nobody knows the names of their folders. */
function Which({ paths, count }: { readonly paths: readonly string[]; readonly count: number }) {
  const w = useHomeWords().trouble;
  const posts = usePosts(paths.flatMap((path) => refOf(path) ?? []));
  const files = paths.filter((path) => !posts.has(refOf(path)));
  return (
    <details class="which">
      <summary>{w.which(count)}</summary>
      <ul>
        {[...posts.values()].map((post) => <li key={post.ref}><PostLine post={post} text={w.post(firstLine(post))} /></li>)}
        {files.map((path) => <li key={path}><bdi>{path}</bdi></li>)}
      </ul>
      {count > paths.length ? <p class="state">{w.more(count - paths.length)}</p> : null}
    </details>
  );
}

/** refOf returns the post to which a path in the pod belongs. */
function refOf(path: string): PostRef | undefined {
  const folder = /^\/social\/posts\/([^/]+)\//.exec(path)?.[1];
  return folder === undefined ? undefined : `me/${folder}` as PostRef;
}

/** Bringing back changes nothing elsewhere; deleting reaches other people, so it says what it does. */
function Decide({ count, seen, act }: { readonly count: number; readonly seen: string; readonly act: Act }) {
  const { say } = useApp();
  const w = useHomeWords();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const decide = async (remove: boolean): Promise<void> => {
    setAsking(false);
    setBusy(true);
    const done = await act((home) => home.decideDeletions(remove, { count, seen }));
    setBusy(false);
    if (done !== undefined) say(!done ? w.trouble.changed : remove ? w.trouble.removed : w.trouble.brought);
  };
  return (
    <>
      <div class="pair">
        <button type="button" class="button primary" disabled={busy} onClick={() => void decide(false)}>{w.trouble.bring}</button>
        <button type="button" class="button danger" disabled={busy} onClick={() => setAsking(true)}>{w.trouble.remove}</button>
      </div>
      <p class="state">{w.trouble.bringHint}</p>
      {asking ? <Ask title={w.trouble.removeTitle(count)} text={w.trouble.removeText} yes={w.trouble.remove} no={w.keep} onYes={() => void decide(true)} onNo={() => setAsking(false)} /> : null}
    </>
  );
}
