import { useEffect, useState } from "preact/hooks";
import type { Deleted } from "../../core/kith.ts";
import { useApp } from "../context.ts";
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
        <>
          {all.map((each) => <One key={`${each.narrowed} ${each.deleted} ${each.published}`} told={each} />)}
          <p class="state pad">{w.deleted.claim}</p>
        </>
      )}
    </Screen>
  );
}

function One({ told }: { readonly told: Deleted }) {
  const { clock } = useApp();
  const w = useTalkWords();
  const gone = told.friends.filter(isGone).length;
  return (
    <section class="gone" aria-label={w.deleted.post(clock.at(told.published))}>
      <h2 class="who-title pad">{w.deleted.post(clock.at(told.published))}</h2>
      <p class="state pad">{(told.narrowed ? w.deleted.narrowed : w.deleted.when)(clock.at(told.deleted))} {w.deleted.asked(told.friends.length, gone)}</p>
      <ul class="rows">
        {told.friends.map((friend) => <li key={friend.cid} class="row"><Person cid={friend.cid} name={friend.name}>{goneWords(friend, w)}</Person></li>)}
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
