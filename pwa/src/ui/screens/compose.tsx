import { useEffect, useMemo, useState } from "preact/hooks";
import type { Audience, AudienceView, PostRef } from "../../core/kith.ts";
import { type App, audienceFrom, type Chosen, useApp } from "../context.ts";
import { PickAudience, seenBy } from "../parts/audience.tsx";
import { Chip, audienceWords } from "../parts/chip.tsx";
import { Icon } from "../parts/icon.tsx";
import { People } from "../parts/people.tsx";
import { Screen } from "../parts/screen.tsx";
import { Sign } from "../parts/sign.tsx";
import { arrived, keepTyped } from "../outgoing.ts";
import { type Shot, type Writing, mostPictures, writingOf } from "../writing.ts";
import { sentenceFor } from "../words/words.ts";
import { type PlaceWords, usePlaceWords } from "../words/places.ts";

/** ComposeScreen is where a post is written: the text, the photos, and right beside the button who can see it. */
export function ComposeScreen() {
  const app = useApp();
  const p = usePlaceWords();
  const writing = useWriting();
  useChosen(writing);
  const [picking, setPicking] = useState(false);
  const view = seenBy(app.kith, writing.audience.value);
  const empty = writing.text.value.trim() === "" && writing.shots.value.length === 0;
  const choose = (audience: Audience): void => {
    writing.audience.value = audience;
    writing.touched();
    setPicking(false);
  };
  return (
    <Screen title={p.compose.title} back={[]} wide asideLabel={app.t.audience.title} aside={<Seen writing={writing} />} actions={<Discard writing={writing} empty={empty} />}>
      <Paper writing={writing} />
      <FromInbox writing={writing} />
      <div class="thumb compose-bar">
        <AddPhotos writing={writing} />
        <Chip view={view} onPress={() => setPicking(true)} />
        <button type="button" class="button primary" disabled={empty || writing.working.value !== undefined} onClick={() => send(app, p, writing)}>{p.compose.post}</button>
      </div>
      {picking ? <PickAudience value={writing.audience.value} onClose={() => setPicking(false)} onDone={choose} /> : null}
    </Screen>
  );
}

/** Begins with the draft that was opened, else with the one that was left, else with nothing. */
function useWriting(): Writing {
  const { kith, leaving, model, opened } = useApp();
  const writing = useMemo(() => {
    const left = opened.value ?? kith.drafts().find(({ post, reason }) => reason === "typed" && post === undefined);
    opened.value = undefined;
    return writingOf(kith, left ?? { text: "", pictures: [], audience: audienceFrom(kith, model.friends.value.length) });
  }, []);
  useEffect(() => {
    const keep = (): Promise<unknown> => writing.keep();
    leaving.add(keep);
    return () => {
      leaving.delete(keep);
      void writing.keep().then(() => writing.end());
    };
  }, [writing]);
  return writing;
}

/** Sends what is written: at once when it is only for oneself, else after a pause in which it can be undone. */
function send(app: App, p: PlaceWords, writing: Writing): void {
  const { attempt, kith, model, opened, outgoing, router, say, t } = app;
  const letter = { what: writing.compose(), draft: writing.keep("leaving") };
  const view = seenBy(kith, letter.what.audience);
  const away = letter.what.pictures.some(({ from }) => from !== undefined);
  const told = (sent: Promise<PostRef>): void => void attempt(async () => say(await outcome(app, p, view, await sent, away)));
  const again = async (): Promise<void> => {
    const id = await letter.draft;
    if (id !== undefined) await keepTyped(kith, id);
    opened.value = { ...letter.what, ...(id === undefined ? {} : { id }) };
    router.go("new");
  };
  router.swap();
  if (view.people.length === 0) return told(outgoing.send(letter));
  outgoing.hold(letter, told, () => void attempt(again));
  say(p.compose.leaving(audienceWords(view, model.circle.value, t)), () => void outgoing.undo());
}

/** outcome says where a post has come to, once that is known; where photos of the pod's inbox went when some are in it. */
async function outcome({ kith, online, t }: App, p: PlaceWords, { people }: AudienceView, ref: PostRef, away: boolean): Promise<string> {
  if (people.length === 0 && !away) return p.compose.kept1;
  if (kith.pod().kind === "none") return (await kith.readPost(ref))?.state === "awake" ? p.compose.awake : p.compose.noPod;
  if (online.value && (await arrived(kith, ref, window))) return away ? p.compose.putAway : p.compose.posted;
  return kith.pod().error?.code === "pod-full" ? t.errors["pod-full"] : p.compose.saved;
}

function Paper({ writing }: { readonly writing: Writing }) {
  const p = usePlaceWords();
  const [over, setOver] = useState(false);
  const add = useAdd(writing);
  return (
    <div class={over ? "compose over" : "compose"}
      onDragOver={(event) => { event.preventDefault(); setOver(true); }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => { event.preventDefault(); setOver(false); add(event.dataTransfer?.files); }}
      onPaste={(event) => { if ((event.clipboardData?.files.length ?? 0) > 0) { event.preventDefault(); add(event.clipboardData?.files); } }}>
      <textarea class="write" autofocus dir="auto" autocomplete="off" rows={4} aria-label={p.compose.placeholder} placeholder={p.compose.placeholder} value={writing.text}
        onInput={(event) => { writing.text.value = event.currentTarget.value; writing.touched(); }} />
      <ul class="shots">
        {writing.shots.value.map((shot) => <ShotRow key={shot.id} shot={shot} writing={writing} />)}
      </ul>
      <p class="state" role="status">{over ? p.compose.drop : <Kept writing={writing} />}</p>
    </div>
  );
}

function Kept({ writing }: { readonly writing: Writing }) {
  const p = usePlaceWords();
  const working = writing.working.value;
  if (working !== undefined) return <>{p.compose.working(working.done, working.total)}</>;
  return <>{{ nothing: "", kept: p.compose.kept, failed: p.compose.notKept }[writing.kept.value]}</>;
}

/** Photos that were chosen from the pod's inbox come in once. */
function useChosen(writing: Writing): void {
  const { chosen } = useApp();
  const add = useAdd(writing);
  useEffect(() => {
    const { value } = chosen;
    chosen.value = [];
    add(value);
  }, []);
}

/** Leads to the photos that wait in the pod's folder, when there are some that are not in the post yet. */
function FromInbox({ writing }: { readonly writing: Writing }) {
  const { kith, model, opened, router } = useApp();
  const p = usePlaceWords();
  const [found, setFound] = useState<readonly string[]>([]);
  const { kind, lastSync } = model.pod.value;
  useEffect(() => {
    let left = false;
    if (kind !== "none") kith.home().then((home) => { if (!left) setFound(home.dropped().map(({ path }) => path)); }, () => undefined);
    return () => { left = true; };
  }, [kind, lastSync]);
  const taken = writing.shots.value.map(({ picture }) => picture.from);
  const left = found.filter((path) => !taken.includes(path)).length;
  if (left === 0) return null;
  const go = (): void => void writing.keep().then((id) => {
    opened.value = { ...writing.compose(), text: writing.text.value, ...(id === undefined ? {} : { id }) };
    router.go("new", "inbox");
  });
  return <div class="pad"><button type="button" class="button" onClick={go}><Sign name="photo" />{p.compose.inbox(left)}</button></div>;
}

function useAdd(writing: Writing): (files: Iterable<Blob | Chosen> | undefined | null) => void {
  const { said, say, t } = useApp();
  const p = usePlaceWords();
  return (files) => {
    const photos = [...(files ?? [])];
    if (photos.length === 0) return;
    void writing.add(photos).then(({ errors, tooMany }) => {
      if (errors.length > 0) said.value = { text: sentenceFor(errors[0], t), failed: true };
      else if (tooMany) say(p.compose.tooMany(mostPictures));
    });
  };
}

function AddPhotos({ writing }: { readonly writing: Writing }) {
  const p = usePlaceWords();
  const add = useAdd(writing);
  return (
    <label class="plain round file" title={p.compose.photos}>
      <Sign name="photo" />
      <input type="file" accept="image/*" multiple aria-label={p.compose.photos}
        onChange={(event) => { add(event.currentTarget.files); event.currentTarget.value = ""; }} />
    </label>
  );
}

function ShotRow({ shot, writing }: { readonly shot: Shot; readonly writing: Writing }) {
  const p = usePlaceWords();
  return (
    <li class="shot">
      <img src={shot.url} alt={shot.picture.alt} width={shot.picture.thumbWidth} height={shot.picture.thumbHeight} />
      <div class="shot-words">
        <textarea rows={2} dir="auto" autocomplete="off" aria-label={p.compose.alt} placeholder={p.compose.alt} title={p.compose.altHint}
          value={shot.picture.alt} onInput={(event) => writing.describe(shot.id, event.currentTarget.value)} />
      </div>
      <button type="button" class="plain round" aria-label={p.compose.remove} onClick={() => writing.takeAway(shot.id)}><Icon name="close" /></button>
    </li>
  );
}

function Discard({ writing, empty }: { readonly writing: Writing; readonly empty: boolean }) {
  const { attempt, opened, router, say } = useApp();
  const p = usePlaceWords();
  if (empty) return null;
  const discard = (): void => {
    const { text, pictures, audience } = writing.compose();
    void attempt(() => writing.discard());
    router.back();
    say(p.compose.discarded, () => {
      opened.value = { text, pictures, audience };
      router.go("new");
    });
  };
  return <button type="button" class="button quiet" onClick={discard}>{p.compose.discard}</button>;
}

/** On a desktop the people stand beside the text while one writes. */
function Seen({ writing }: { readonly writing: Writing }) {
  const { kith, model, t } = useApp();
  const view = seenBy(kith, writing.audience.value);
  return (
    <section class="who">
      <h2 class="label">{t.audience.title}</h2>
      <p class="who-title"><bdi>{audienceWords(view, model.circle.value, t)}</bdi></p>
      {view.people.length === 0 ? <p class="who-note">{t.audience.onlyYou}</p> : <People people={view.people} />}
    </section>
  );
}
