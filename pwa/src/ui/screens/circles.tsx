import { useState } from "preact/hooks";
import type { Circle, CircleId, ContactId } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Faces } from "../parts/face.tsx";
import { Icon } from "../parts/icon.tsx";
import { NameSheet } from "../parts/naming.tsx";
import { PickPeople } from "../parts/people.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { addressOf } from "../route.ts";
import { usePlaceWords } from "../words/places.ts";

/** CirclesScreen lists the circles. */
export function CirclesScreen() {
  const { attempt, kith, model, router } = useApp();
  const p = usePlaceWords();
  const [adding, setAdding] = useState(false);
  const circles = model.circles.value;
  const add = (name: string): void => void attempt(async () => router.go("circles", await kith.addCircle(name, [])));
  return (
    <Screen title={p.circles.title} back={["friends"]}>
      {circles.length === 0 ? <Empty title={p.circles.none} hint={p.circles.noneHint} /> : (
        <ul class="rows">{circles.map((circle) => <li key={circle.id}><CircleRow circle={circle} /></li>)}</ul>
      )}
      <div class="thumb"><button type="button" class="button primary" onClick={() => setAdding(true)}>{p.circles.add}</button></div>
      {adding ? <NameSheet title={p.circles.name} value="" onName={add} onClose={() => setAdding(false)} /> : null}
    </Screen>
  );
}

function CircleRow({ circle }: { readonly circle: Circle }) {
  const { model } = useApp();
  const p = usePlaceWords();
  const people = circle.members.flatMap((cid) => model.friend.value.get(cid) ?? []);
  return (
    <a class="row" href={addressOf("circles", circle.id)}>
      <span class={`disc tint-${circle.hue}`} aria-hidden="true" />
      <span class="row-text"><span class="row-title"><bdi>{circle.name}</bdi></span><span class="row-note">{p.circles.members(circle.members.length)}</span></span>
      <Faces people={people} shown={4} />
      <Icon name="next" small />
    </a>
  );
}

/** CircleScreen is one circle: its name and who is in it. */
export function CircleScreen({ id }: { readonly id: CircleId }) {
  const { attempt, kith, model, router, say } = useApp();
  const p = usePlaceWords();
  const [naming, setNaming] = useState(false);
  const circle = model.circle.value.get(id);
  if (circle === undefined) return <Screen title={p.circles.title} back={["circles"]}><Empty title={p.circles.gone} /></Screen>;
  const { members, name } = circle;
  const pick = (cid: ContactId, on: boolean): void => {
    const others = members.filter((each) => each !== cid);
    void attempt(() => kith.setMembers(id, on ? [...others, cid] : others));
  };
  const remove = (): void => void attempt(async () => {
    await kith.removeCircle(id);
    router.back("circles");
    say(p.circles.removed(name), () => void attempt(() => kith.addCircle(name, members)));
  });
  return (
    <Screen title={name} back={["circles"]} actions={<button type="button" class="button quiet" onClick={() => setNaming(true)}>{p.circles.rename}</button>}>
      <p class="lead"><span class={`dot tint-${circle.hue}`} aria-hidden="true" /> {p.circles.members(members.length)}. {p.circles.hint}</p>
      {model.friends.value.length === 0 ? <Empty title={p.friends.none} hint={p.friends.noneHint} /> : <div class="pad"><PickPeople picked={new Set(members)} onPick={pick} /></div>}
      <div class="pad"><button type="button" class="button danger" onClick={remove}>{p.circles.remove}</button></div>
      {naming ? <NameSheet title={p.circles.name} value={name} onName={(to) => void attempt(() => kith.renameCircle(id, to))} onClose={() => setNaming(false)} /> : null}
    </Screen>
  );
}
