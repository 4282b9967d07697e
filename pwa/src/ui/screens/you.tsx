import { useState } from "preact/hooks";
import { useApp } from "../context.ts";
import { Face } from "../parts/face.tsx";
import { Icon, type IconName } from "../parts/icon.tsx";
import { NameSheet } from "../parts/name.tsx";
import { AllPosts } from "../parts/posts.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { addressOf } from "../route.ts";

/** YouScreen is where one's own things are: each row says how it stands. */
export function YouScreen() {
  const { attempt, clock, kith, model, t, update } = useApp();
  const [naming, setNaming] = useState(false);
  const { pod, outbox, drafts, devices } = model;
  const name = model.me.value?.name ?? "";
  const state = pod.value.kind;
  const synced = state === "connected" && pod.value.lastSync !== undefined ? ` · ${clock.ago(pod.value.lastSync)}` : "";
  return (
    <Screen title={t.self.title}>
      <div class="person">
        <Face id="me" name={name} size="large" />
        <div>
          <p class="person-name" dir="auto">{name}</p>
          <button type="button" class="link" onClick={() => setNaming(true)}>{t.self.rename}</button>
        </div>
      </div>
      <ul class="rows">
        <Row to="posts" icon="feed" title={t.self.posts} />
        <Row to="pod" icon="pod" title={t.self.pod} note={t.pod.short[state] + synced} />
        <Row to="waiting" icon="clock" title={t.self.waiting} note={outbox.value.length === 0 ? t.self.nothing : t.self.things(outbox.value.length)} />
        <Row to="drafts" icon="draft" title={t.self.drafts} note={drafts.value.length === 0 ? t.self.nothing : String(drafts.value.length)} />
        <Row to="devices" icon="device" title={t.self.devices} note={devices.value.filter(({ isPod }) => !isPod).map((each) => each.name).join(", ")} />
        <Row to="storage" icon="box" title={t.self.storage} note={model.me.value?.persistent === true ? t.storage.persists : t.errors["not-persistent"]} />
        <Row to="about" icon="info" title={t.self.about} {...(update.ready.value ? { note: t.about.update } : {})} />
      </ul>
      {naming ? <NameSheet title={t.self.name} hint={t.welcome.hint} value={name} onClose={() => setNaming(false)} onName={(to) => void attempt(() => kith.rename(to))} /> : null}
    </Screen>
  );
}

function Row({ to, icon, title, note }: { readonly to: string; readonly icon: IconName; readonly title: string; readonly note?: string }) {
  return (
    <li>
      <a class="row" href={addressOf("you", to)}>
        <span class="row-icon"><Icon name={icon} /></span>
        <span class="row-text"><span class="row-title">{title}</span>{note === undefined ? null : <span class="row-note">{note}</span>}</span>
        <Icon name="next" small />
      </a>
    </li>
  );
}

/** MyPostsScreen lists one's own posts. */
export function MyPostsScreen() {
  const { t } = useApp();
  return (
    <Screen title={t.self.posts} back={["you"]}>
      <AllPosts choice={{ author: "me" }} empty={<Empty title={t.self.noPosts}><a class="button primary" href={addressOf("new")}>{t.feed.first}</a></Empty>} />
    </Screen>
  );
}
