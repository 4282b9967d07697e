import { useState } from "preact/hooks";
import type { Audience, AudienceView, Circle, ContactId, Kith, Post } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { audienceWords } from "./chip.tsx";
import { Faces } from "./face.tsx";
import { Icon } from "./icon.tsx";
import { People, PickPeople } from "./people.tsx";
import { Sheet } from "./sheet.tsx";

type Some = Extract<Audience, { kind: "some" }>;

const nobody: Some = { kind: "some", circles: [], friends: [] };

/** choiceOf returns the audience that a post has, as a choice that can be changed. */
export function choiceOf(view: AudienceView): Audience {
  if (view.kind === "all" || view.kind === "me") return { kind: view.kind };
  if (view.circle !== undefined) return { ...nobody, circles: [view.circle] };
  return { ...nobody, friends: view.people.map(({ cid }) => cid) };
}

/** seenBy returns who can see what is posted for a choice. A circle that everybody is in is still that
 * circle: it is what was chosen. */
export function seenBy(kith: Kith, choice: Audience): AudienceView {
  const view = kith.resolve(choice);
  return choice.kind === "some" && view.kind === "all" ? { ...view, kind: "some" } : view;
}

interface PickAudienceProps {
  readonly value: Audience;
  /** Who can see it so far, when it is a post already: the sheet then says who gains and who loses. */
  readonly before?: AudienceView;
  readonly onDone: (value: Audience) => void;
  readonly onClose: () => void;
}

/** PickAudience is the sheet on which one chooses who can see something. */
export function PickAudience({ value, before, onDone, onClose }: PickAudienceProps) {
  const { kith, model, t } = useApp();
  const [choice, setChoice] = useState(value);
  const view = seenBy(kith, choice);
  const alone = model.friends.value.length === 0;
  const empty = choice.kind === "some" && view.people.length === 0;
  return (
    <Sheet title={t.audience.title} onClose={onClose} foot={
      <div class="decide">
        <Outcome view={view} empty={empty} {...(before === undefined ? {} : { before })} />
        <button type="button" class="button primary" disabled={empty} onClick={() => onDone(choice)}>{t.audience.use}</button>
      </div>
    }>
      <div role="radiogroup" aria-label={t.audience.title} class="rows choices">
        <Option icon="friends" title={t.audience.all(model.friends.value.length)} hint={alone ? t.audience.allNone : t.audience.allHint} off={alone} on={choice.kind === "all"} pick={() => setChoice({ kind: "all" })} />
        <Option icon="check" title={t.audience.some} hint={t.audience.someHint} on={choice.kind === "some"} pick={() => setChoice(choice.kind === "some" ? choice : nobody)} />
        <Option icon="lock" title={t.audience.me} hint={t.audience.meHint} on={choice.kind === "me"} pick={() => setChoice({ kind: "me" })} />
      </div>
      {choice.kind === "some" ? <SomeFriends choice={choice} onChange={setChoice} /> : null}
    </Sheet>
  );
}

interface OptionProps {
  readonly icon: "friends" | "check" | "lock";
  readonly title: string;
  readonly hint: string;
  readonly on: boolean;
  readonly off?: boolean;
  readonly pick: () => void;
}

function Option({ icon, title, hint, on, off = false, pick }: OptionProps) {
  return (
    <label class="row pick">
      <span class="row-icon"><Icon name={icon} /></span>
      <span class="row-text"><span class="row-title">{title}</span><span class="row-note">{hint}</span></span>
      <input type="radio" name="audience" checked={on} disabled={off} onChange={pick} />
    </label>
  );
}

function SomeFriends({ choice, onChange }: { readonly choice: Some; readonly onChange: (choice: Some) => void }) {
  const { model, t } = useApp();
  const picked = model.circles.value.filter(({ id }) => choice.circles.includes(id));
  const through = (cid: ContactId): Circle | undefined => picked.find(({ members }) => members.includes(cid));
  return (
    <>
      {model.circles.value.length === 0 ? null : (
        <fieldset class="group">
          <legend>{t.audience.circles}</legend>
          <ul class="rows">
            {model.circles.value.map((circle) => (
              <li key={circle.id}>
                <label class="row pick">
                  <span class={`dot tint-${circle.hue}`} aria-hidden="true" />
                  <span class="row-text row-title"><bdi>{t.audience.circle(circle.name, circle.members.length)}</bdi></span>
                  <input type="checkbox" checked={choice.circles.includes(circle.id)}
                    onChange={(event) => onChange({ ...choice, circles: toggled(choice.circles, circle.id, event.currentTarget.checked) })} />
                </label>
              </li>
            ))}
          </ul>
        </fieldset>
      )}
      <fieldset class="group">
        <legend>{t.audience.people}</legend>
        <PickPeople picked={new Set(choice.friends)} onPick={(cid, on) => onChange({ ...choice, friends: toggled(choice.friends, cid, on) })}
          note={({ cid }) => {
            const circle = through(cid);
            return circle === undefined ? undefined : t.audience.inCircle(circle.name);
          }} />
      </fieldset>
    </>
  );
}

function toggled<T>(list: readonly T[], one: T, on: boolean): readonly T[] {
  const others = list.filter((each) => each !== one);
  return on ? [...others, one] : others;
}

function Outcome({ view, before, empty }: { readonly view: AudienceView; readonly before?: AudienceView; readonly empty: boolean }) {
  const { t } = useApp();
  const had = new Set(before?.people.map(({ cid }) => cid));
  const has = new Set(view.people.map(({ cid }) => cid));
  const gains = before === undefined ? [] : view.people.filter(({ cid }) => !had.has(cid));
  const loses = before?.people.filter(({ cid }) => !has.has(cid)) ?? [];
  return (
    <div class="outcome" aria-live="polite">
      <Faces people={view.people} shown={5} />
      <p>{empty ? t.audience.nobody : outcomeOf(view, t)}</p>
      {gains.length > 0 ? <p>{t.audience.gains(gains.map(({ name }) => name))}</p> : null}
      {loses.length > 0 ? <p>{t.audience.loses(loses.map(({ name }) => name))}</p> : null}
    </div>
  );
}

function outcomeOf(view: AudienceView, t: ReturnType<typeof useApp>["t"]): string {
  return view.people.length === 0 ? t.audience.onlyYou : t.audience.exactly(view.people.map(({ name }) => name));
}

/** WhoCanSee says who can see a post, by face and name, and for one's own lets one change it. */
export function WhoCanSee({ post, onChange }: { readonly post: Post; readonly onChange: () => void }) {
  const { model, t } = useApp();
  const { audience } = post;
  const sentence = {
    me: t.audience.meHint,
    all: t.audience.see(audience.people.length),
    some: t.audience.see(audience.people.length),
    custom: t.audience.customHint,
    theirs: t.audience.theirsHint(post.authorName),
  }[audience.kind];
  return (
    <section class="who" aria-label={t.audience.title}>
      <h2 class="label">{t.audience.title}</h2>
      <p class="who-title"><bdi>{audienceWords(audience, model.circle.value, t)}</bdi></p>
      <p class="who-note">{audience.people.length === 0 && audience.kind !== "theirs" && audience.kind !== "custom" ? t.audience.onlyYou : sentence}</p>
      {audience.kind === "theirs" ? null : <People people={audience.people} />}
      {post.author === undefined ? <button type="button" class="button" onClick={onChange}>{t.audience.change}</button> : null}
    </section>
  );
}

/** AudienceSheets shows who can see a post, and for one's own changes that. */
export function AudienceSheets({ post, onClose }: { readonly post: Post; readonly onClose: () => void }) {
  const { t } = useApp();
  const [picking, setPicking] = useState(false);
  if (picking) return <ChangeAudience post={post} onClose={onClose} />;
  return <Sheet title={t.audience.title} onClose={onClose}><WhoCanSee post={post} onChange={() => setPicking(true)} /></Sheet>;
}

/** ChangeAudience lets one choose anew who can see an own post. */
export function ChangeAudience({ post, onClose }: { readonly post: Post; readonly onClose: () => void }) {
  const { attempt, kith } = useApp();
  const change = async (audience: Audience): Promise<void> => {
    onClose();
    await attempt(() => kith.setAudience(post.ref, audience));
  };
  return <PickAudience value={choiceOf(post.audience)} before={post.audience} onClose={onClose} onDone={(audience) => void change(audience)} />;
}
