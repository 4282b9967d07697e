import { useEffect, useState } from "preact/hooks";
import type { Storage } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Person } from "../parts/people.tsx";
import { Screen } from "../parts/screen.tsx";

/** StorageScreen says what lies on this device, and removes friends' copies. */
export function StorageScreen() {
  const { attempt, clock, kith, model, t } = useApp();
  const [storage, setStorage] = useState<Storage>();
  const changes = model.changes.value;
  useEffect(() => { void attempt(() => kith.storage()).then(setStorage); }, [changes]);
  if (storage === undefined) return <Screen title={t.storage.title} back={["you"]}>{null}</Screen>;
  const { cachedBytes, erases, posts, quotaBytes, usedBytes } = storage;
  return (
    <Screen title={t.storage.title} back={["you"]}>
      <div class="pad">
        <section class="card">
          <p class="who-title">{t.storage.used(clock.bytes(usedBytes))}</p>
          <p>{t.storage.posts(posts)} {cachedBytes > 0 ? t.storage.cached(clock.bytes(cachedBytes)) : t.storage.noCached} {quotaBytes > 0 ? t.storage.of(clock.bytes(quotaBytes)) : ""}</p>
        </section>
        <section class="card">
          <p>{model.me.value?.persistent === true ? t.storage.persists : t.storage.mayForget}</p>
          <p>{erases ? t.storage.erases : t.storage.traces}</p>
        </section>
      </div>
      <ByFriend />
    </Screen>
  );
}

function ByFriend() {
  const { attempt, clock, kith, model, say, t } = useApp();
  const friends = model.friends.value.filter(({ cachedBytes }) => cachedBytes > 0).sort((a, b) => b.cachedBytes - a.cachedBytes);
  if (friends.length === 0) return null;
  return (
    <section aria-label={t.storage.byFriend}>
      <h2 class="label pad">{t.storage.byFriend}</h2>
      <ul class="rows">
        {friends.map(({ cid, name, cachedBytes }) => (
          <li key={cid} class="row">
            <Person cid={cid} name={name}>{clock.bytes(cachedBytes)}</Person>
            <button type="button" class="button quiet" aria-label={t.storage.purge(name)} onClick={() => void attempt(() => kith.purgeFriend(cid).then(() => say(t.friend.purged)))}>{t.devices.remove}</button>
          </li>
        ))}
      </ul>
    </section>
  );
}
