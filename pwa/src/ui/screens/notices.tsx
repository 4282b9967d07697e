import type { FeedPage } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Notice } from "../parts/screen.tsx";
import { addressOf } from "../route.ts";

/** FeedNotices says how things stand, one sentence each, and only what is not as one expects. */
export function FeedNotices({ page }: { readonly page: FeedPage }) {
  const { model, t, update } = useApp();
  const pod = model.pod.value;
  const fresh = model.friends.value.filter(({ isNew }) => isNew);
  const unreached = page.unreached.map((cid) => model.friend.value.get(cid)?.name ?? "").filter((name) => name !== "");
  const refused = pod.kind === "refused" || pod.askDeletions !== undefined;
  return (
    <div class="notices" aria-live="polite">
      {update.ready.value ? <Notice text={t.update.ready}><button type="button" class="button" onClick={() => update.use()}>{t.update.use}</button></Notice> : null}
      {fresh.length > 0 ? <Notice strong text={t.feed.accepted(fresh.map(({ name }) => name))}><a class="button" href={addressOf("friends")}>{t.feed.look}</a></Notice> : null}
      {refused ? <Notice text={pod.kind === "refused" ? t.errors["pod-refused"] : t.standing.ask(pod.askDeletions ?? 0)}><a class="button" href={addressOf("you", "pod")}>{t.feed.look}</a></Notice> : null}
      {model.drafts.value.some(({ reason }) => reason === "lost") ? <Notice text={t.feed.lost}><a class="button" href={addressOf("you", "drafts")}>{t.feed.look}</a></Notice> : null}
      <Standing unreached={unreached} />
    </div>
  );
}

/** The one grey line below the heading: offline, or who could not be reached. That friends are being asked
 * stands beside the heading, so that nothing moves when it comes and goes. */
function Standing({ unreached }: { readonly unreached: readonly string[] }) {
  const { model, online, t } = useApp();
  const text = !online.value ? t.feed.offline
    : model.pod.value.kind === "unreachable" ? t.errors["pod-unreachable"]
    : unreached.length > 0 ? t.feed.unreached(unreached)
    : undefined;
  return text === undefined ? null : <p class="standing">{text}</p>;
}
