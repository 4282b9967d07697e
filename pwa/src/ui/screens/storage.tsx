import { useEffect, useState } from "preact/hooks";
import type { ContactId, Storage } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Person } from "../parts/people.tsx";
import { Screen } from "../parts/screen.tsx";
import { usePlaceWords } from "../words/places.ts";

/** StorageScreen says what lies on this device, and removes friends' copies. */
export function StorageScreen() {
  const { attempt, clock, kith, model } = useApp();
  const p = usePlaceWords();
  const [storage, setStorage] = useState<Storage>();
  const changes = model.changes.value;
  useEffect(() => { void attempt(() => kith.storage()).then(setStorage); }, [changes]);
  if (storage === undefined) return <Screen title={p.storage.title} back={["you"]}>{null}</Screen>;
  const { cachedBytes, erases, posts, quotaBytes, usedBytes } = storage;
  return (
    <Screen title={p.storage.title} back={["you"]}>
      <div class="pad">
        <section class="card">
          <p class="who-title">{p.storage.used(clock.bytes(usedBytes))}</p>
          <p>{p.storage.posts(posts)} {cachedBytes > 0 ? p.storage.cached(clock.bytes(cachedBytes)) : p.storage.noCached} {quotaBytes > 0 ? p.storage.of(clock.bytes(quotaBytes)) : ""}</p>
        </section>
        <section class="card">
          <p>{model.me.value?.persistent === true ? p.storage.persists : p.storage.mayForget} {model.pod.value.kind === "none" ? p.storage.connect : ""}</p>
          <p>{erases ? p.storage.erases : p.storage.traces}</p>
        </section>
      </div>
      <ByFriend />
    </Screen>
  );
}

function ByFriend() {
  const { attempt, clock, kith, model, say } = useApp();
  const p = usePlaceWords();
  const friends = model.friends.value.filter(({ cachedBytes }) => cachedBytes > 0).sort((a, b) => b.cachedBytes - a.cachedBytes);
  if (friends.length === 0) return null;
  const purge = (cid: ContactId): void => void attempt(() => kith.purgeFriend(cid).then(() => say(p.friend.purged)));
  return (
    <section aria-label={p.storage.byFriend}>
      <h2 class="label pad">{p.storage.byFriend}</h2>
      <div class="pad">
        <ul class="card rows">
          {friends.map(({ cid, name, cachedBytes }) => (
            <li key={cid}>
              <div class="row">
                <Person cid={cid} name={name}>{clock.bytes(cachedBytes)}</Person>
                <button type="button" class="button quiet" aria-label={p.storage.purge(name)} onClick={() => purge(cid)}>{p.friend.removeYes}</button>
              </div>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
