import { useState } from "preact/hooks";
import { useApp } from "../context.ts";
import { Face } from "../parts/face.tsx";
import { NameSheet } from "../parts/naming.tsx";
import { AllPosts } from "../parts/posts.tsx";
import { Row, Rows } from "../parts/rows.tsx";
import { Empty, Notice, Screen } from "../parts/screen.tsx";
import { addressOf } from "../route.ts";
import { podIs } from "../words/words.ts";
import { usePlaceWords } from "../words/places.ts";
import { nameOf } from "./language.tsx";

/** YouScreen is where one's own things are: each row says how it stands. */
export function YouScreen() {
  const { attempt, clock, kith, model, spoken, t, troubles, update } = useApp();
  const p = usePlaceWords();
  const [naming, setNaming] = useState(false);
  const { pod, outbox, drafts, devices } = model;
  const name = model.me.value?.name ?? "";
  const going = outbox.value.length + kith.waiting().length;
  const { last, due } = kith.backedUp();
  const backup = last === undefined ? p.self.backupNever : p.self.backupDue(clock.ago(last));
  const state = pod.value.kind;
  const synced = state === "connected" && pod.value.lastSync !== undefined ? ` · ${clock.ago(pod.value.lastSync)}` : "";
  return (
    <Screen title={p.self.title}>
      <div class="person">
        <Face id="me" name={name} size="large" />
        <div>
          <p class="person-name"><bdi>{name}</bdi></p>
          <button type="button" class="link" onClick={() => setNaming(true)}>{p.self.rename}</button>
        </div>
      </div>
      {troubles.value.length === 0 ? null : <Notice text={t.standing.told}><a class="button" href={addressOf("you", "trouble")}>{t.feed.look}</a></Notice>}
      {model.me.value?.parted === undefined ? null : <Notice text={p.self.parted}><a class="button" href={addressOf("you", "devices")}>{t.feed.look}</a></Notice>}
      {due && state === "none" ? <Notice text={backup}><a class="button" href={addressOf("you", "backup")}>{t.feed.look}</a></Notice> : null}
      <Rows>
        <Row to="posts" icon="feed" title={p.self.posts} />
        <Row to="drafts" icon="draft" title={p.self.drafts} note={drafts.value.length === 0 ? p.self.nothing : String(drafts.value.length)} />
        <Row to="waiting" icon="clock" title={t.standing.waiting} note={going === 0 ? p.self.nothing : t.standing.things(going)} />
        <Row to="deleted" icon="gone" title={p.self.deleted} note={p.self.deletedHint} />
      </Rows>
      <Rows>
        <Row to="pod" icon="pod" title={p.self.pod} note={podIs(pod.value, t) + synced} />
        <Row to="relays" icon="relay" title={p.self.relays} note={p.self.relaysHint} />
        <Row to="devices" icon="device" title={p.self.devices} note={devices.value.filter(({ isPod }) => !isPod).map((each) => each.name).join(t.comma)} />
        <Row to="backup" icon="backup" title={p.self.backup} note={backup} />
      </Rows>
      <Rows>
        <Row to="copies" icon="lasts" title={p.self.copies} note={p.self.copiesHint} />
        <Row to="apps" icon="apps" title={p.self.apps} note={p.self.appsHint} />
        <Row to="storage" icon="disk" title={p.self.storage} note={model.me.value?.persistent === true ? p.storage.persists : t.errors["not-persistent"]} />
        <Row to="language" icon="language" title={p.self.language} note={nameOf(spoken.value.tag)} />
        <Row to="about" icon="info" title={p.self.about} {...(update.ready.value ? { note: t.update.ready } : {})} />
      </Rows>
      {naming ? <NameSheet title={p.self.name} hint={t.welcome.hint} value={name} onClose={() => setNaming(false)} onName={(to) => void attempt(() => kith.rename(to))} /> : null}
    </Screen>
  );
}

/** MyPostsScreen lists one's own posts. */
export function MyPostsScreen() {
  const { t } = useApp();
  const p = usePlaceWords();
  return (
    <Screen title={p.self.posts} back={["you"]}>
      <AllPosts choice={{ author: "me" }} empty={<Empty title={p.self.noPosts}><a class="button primary" href={addressOf("new")}>{t.feed.first}</a></Empty>} />
    </Screen>
  );
}
