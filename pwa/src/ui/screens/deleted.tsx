import { useEffect, useState } from "preact/hooks";
import type { Deleted } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Icon } from "../parts/icon.tsx";
import { Person } from "../parts/people.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { type TalkWords, useTalkWords } from "../words/talk.ts";

/** DeletedScreen says of each post that was taken back lately, from all or from some, who has deleted their copy. */
export function DeletedScreen() {
  const { attempt, kith, model } = useApp();
  const w = useTalkWords();
  const [all, setAll] = useState<readonly Deleted[]>();
  const changes = model.changes.value;
  useEffect(() => { void attempt(async () => (await kith.talk()).deleted()).then((found) => { if (found !== undefined) setAll(found); }); }, [changes]);
  return (
    <Screen title={w.deleted.title} back={["you"]}>
      {all === undefined ? null : all.length === 0 ? <Empty title={w.deleted.none} hint={w.deleted.noneHint} /> : (
        <div class="pad">
          {all.map((each) => <One key={`${each.narrowed} ${each.deleted} ${each.published}`} told={each} />)}
          <p class="state">{w.deleted.claim}</p>
        </div>
      )}
    </Screen>
  );
}

function One({ told }: { readonly told: Deleted }) {
  const { clock } = useApp();
  const w = useTalkWords();
  const gone = told.friends.filter(isGone).length;
  const asked = w.deleted.asked(told.friends.length, gone);
  return (
    <section class="card" aria-label={w.deleted.post(clock.at(told.published))}>
      <h2 class="card-title">{w.deleted.post(clock.at(told.published))}</h2>
      <p class="state">{(told.narrowed ? w.deleted.narrowed : w.deleted.when)(clock.at(told.deleted))} {asked}</p>
      {told.friends.length === 0 ? null : <progress max={told.friends.length} value={gone} aria-label={asked} />}
      <ul class="rows people">
        {told.friends.map((friend) => (
          <li key={friend.cid} class="row">
            <Person cid={friend.cid} name={friend.name}>{goneWords(friend, w)}</Person>
            <span class={isGone(friend) ? "receipt done" : "receipt"}><Icon name={isGone(friend) ? "check" : "clock"} small /></span>
          </li>
        ))}
      </ul>
    </section>
  );
}

type Friend = Deleted["friends"][number];

function isGone({ devices, gone }: Friend): boolean {
  return devices > 0 && gone >= devices;
}

function goneWords(friend: Friend, w: TalkWords): string {
  if (isGone(friend)) return w.deleted.gone(friend.devices);
  return friend.gone === 0 ? w.deleted.waiting : w.deleted.some(friend.gone, friend.devices);
}
