import { useState } from "preact/hooks";
import type { CircleId, Friend } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Icon } from "../parts/icon.tsx";
import { Find } from "../parts/find.tsx";
import { Person, matching } from "../parts/people.tsx";
import { Empty, Notice, Screen } from "../parts/screen.tsx";
import { addressOf } from "../route.ts";
import { usePlaceWords } from "../words/places.ts";

/** FriendsScreen lists friends; those who have just accepted an invite stand on top. */
export function FriendsScreen() {
  const { model } = useApp();
  const p = usePlaceWords();
  const friends = model.friends.value;
  return (
    <Screen title={p.friends.title} actions={<a class="button quiet" href={addressOf("circles")}>{p.friends.circles}</a>}>
      {friends.filter(({ isNew }) => isNew).map((friend, at) => <Accepted key={friend.cid} friend={friend} hinted={at === 0} />)}
      {friends.length === 0 ? <Empty title={p.friends.none} hint={p.friends.noneHint} /> : <List friends={friends} />}
      <div class="thumb">
        <a class="button" href={addressOf("add")}>{p.friends.accept}</a>
        <a class="button primary" href={addressOf("invite")}>{p.friends.invite}</a>
      </div>
    </Screen>
  );
}

/** What comparing is for is said once. */
function Accepted({ friend, hinted }: { readonly friend: Friend; readonly hinted: boolean }) {
  const { attempt, kith, t } = useApp();
  const p = usePlaceWords();
  return (
    <Notice strong text={p.friends.accepted(friend.name) + (hinted ? ` ${p.friends.acceptedHint}` : "")}>
      <div class="pair">
        <a class="button" href={addressOf("friends", friend.cid, "words")}>{p.friend.compare}</a>
        <button type="button" class="button quiet" onClick={() => void attempt(() => kith.seenFriend(friend.cid))}>{t.ok}</button>
      </div>
    </Notice>
  );
}

function List({ friends }: { readonly friends: readonly Friend[] }) {
  const { model } = useApp();
  const p = usePlaceWords();
  const [words, setWords] = useState("");
  const [circle, setCircle] = useState<CircleId>();
  const inside = circle === undefined ? friends : friends.filter(({ circles }) => circles.includes(circle));
  const shown = matching(inside, words);
  return (
    <>
      {friends.length > 6 ? <div class="pad"><Find label={p.friends.find} value={words} onValue={setWords} /></div> : null}
      {model.circles.value.length === 0 ? null : <CircleFilter circle={circle} onCircle={setCircle} />}
      {shown.length === 0 ? <p class="state pad">{inside.length === 0 ? p.friends.emptyCircle : p.friends.noMatch}</p> : null}
      <ul class="rows friends">
        {shown.map((friend) => (
          <li key={friend.cid}>
            <a class="row" href={addressOf("friends", friend.cid)}><Person cid={friend.cid} name={friend.name}><Note friend={friend} /></Person></a>
          </li>
        ))}
      </ul>
    </>
  );
}

function CircleFilter({ circle, onCircle }: { readonly circle: CircleId | undefined; readonly onCircle: (circle: CircleId | undefined) => void }) {
  const { model, t } = useApp();
  const p = usePlaceWords();
  return (
    <div class="filter" role="group" aria-label={p.friends.filter}>
      <button type="button" class="chip tint-none" aria-pressed={circle === undefined} onClick={() => onCircle(undefined)}>{p.friends.everyone}</button>
      {model.circles.value.map(({ id, name, hue, members }) => (
        <button type="button" key={id} class={`chip tint-${hue}`} aria-pressed={circle === id} onClick={() => onCircle(circle === id ? undefined : id)}>
          <bdi>{t.audience.circle(name, members.length)}</bdi>
        </button>
      ))}
    </div>
  );
}

/** What is worth knowing of a friend at a glance: trouble first, else the circles. */
function Note({ friend }: { readonly friend: Friend }) {
  const { clock, model, t } = useApp();
  const p = usePlaceWords();
  const { error, keysChanged, lastSeen, muted, reachable } = friend;
  if (friend.differed) return <span class="danger-text">{p.friend.differed}</span>;
  if (keysChanged) return <>{p.friends.keysChanged}</>;
  if (!reachable) return <>{p.friends.noPod}</>;
  if (error?.code === "friend-refused") return <>{t.feed.refused([friend.name])}</>;
  if (error?.code === "behind") return <>{p.friends.takenIn}</>;
  if (error !== undefined) return <>{lastSeen === undefined ? p.friends.neverSeen : p.friends.notSeen(clock.at(lastSeen))}</>;
  const circles = friend.circles.flatMap((id) => model.circle.value.get(id) ?? []);
  return (
    <>
      {muted ? <span class="tag"><Icon name="close" small />{p.friends.muted}</span> : null}
      {circles.map(({ id, name, hue }) => <span class="tag" key={id}><span class={`dot tint-${hue}`} aria-hidden="true" /><bdi>{name}</bdi></span>)}
    </>
  );
}
