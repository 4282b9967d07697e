import type { FeedPage } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Notice } from "../parts/screen.tsx";
import { type Path, addressOf } from "../route.ts";

/** FeedNotices says how things stand, one sentence each, and only what is not as one expects. */
export function FeedNotices({ page }: { readonly page: FeedPage }) {
  const { aliases, model, t, troubles, update } = useApp();
  const pod = model.pod.value;
  const asks = model.friends.value.find((friend) => friend.asks.length > 0);
  const fresh = model.friends.value.filter(({ isNew }) => isNew);
  const away = page.unreached.flatMap((cid) => model.friend.value.get(cid) ?? []);
  const told: readonly (string | undefined)[] = ["friend-refused", "waiting", "asleep", "behind"];
  const named = (code?: string): readonly string[] => away.filter(({ error }) => (code === undefined ? !told.includes(error?.code) : error?.code === code)).map(({ name }) => name);
  return (
    <div class="notices" aria-live="polite">
      {update.ready.value ? (
        <Notice text={t.update.ready}><button type="button" class="button" onClick={() => update.use()}>{t.update.use}</button></Notice>
      ) : null}
      {fresh.length > 0 ? <Look strong text={t.feed.accepted(fresh.map(({ name }) => name))} at={["friends"]} /> : null}
      {asks === undefined ? null : <Look strong text={t.feed.asks(asks.name)} at={["post", ...asks.asks.slice(0, 1).map((ref) => aliases.of(ref))]} />}
      {model.me.value?.removed === true ? <Look text={t.standing.removed} at={["you", "devices"]} /> : null}
      {pod.kind === "refused" && model.me.value?.removed !== true ? <Look text={t.errors["pod-refused"]} at={["you", "pod"]} /> : null}
      {pod.askDeletions === undefined ? null : <Look text={t.standing.ask(pod.askDeletions)} at={["you", "pod"]} />}
      {troubles.value.length === 0 ? null : <Look text={t.standing.told} at={["you", "trouble"]} />}
      {model.drafts.value.some(({ reason }) => reason === "lost") ? <Look text={t.feed.lost} at={["you", "drafts"]} /> : null}
      <Standing unreached={named()} refused={named("friend-refused")} asleep={[...named("waiting"), ...named("asleep")]} />
    </div>
  );
}

function Look({ text, at, strong = false }: { readonly text: string; readonly at: Path; readonly strong?: boolean }) {
  const { t } = useApp();
  return <Notice strong={strong} text={text}><a class="button" href={addressOf(...at)}>{t.feed.look}</a></Notice>;
}

/** The one grey line below the heading: offline, or who could not be reached. That friends are being asked
 * stands beside the heading, so that nothing moves when it comes and goes. */
function Standing({ unreached, refused, asleep }: Readonly<Record<"unreached" | "refused" | "asleep", readonly string[]>>) {
  const { model, online, t } = useApp();
  const pod = model.pod.value;
  const text = !online.value ? t.feed.offline
    : pod.kind === "unreachable" && model.outbox.value.some(({ what }) => what === "audience" || what === "delete" || what === "contact") ? t.errors["pod-not-told"]
    : pod.error?.code === "pod-full" ? t.errors["pod-full"]
    : pod.kind === "unreachable" ? t.errors[pod.error?.code === "waiting" ? "waiting" : "pod-unreachable"]
    : refused.length > 0 ? t.feed.refused(refused)
    : unreached.length > 0 ? t.feed.unreached(unreached)
    : asleep.length > 0 ? t.feed.asleep(asleep)
    : undefined;
  return text === undefined ? null : <p class="standing">{text}</p>;
}
