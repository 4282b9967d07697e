import { useApp } from "../context.ts";
import { Face } from "../parts/face.tsx";
import { Icon } from "../parts/icon.tsx";
import { addressOf } from "../route.ts";
import { podIs } from "../words/words.ts";

/** Faces in the right column; the rest are on the friends' screen. */
const shown = 24;

/** FeedAside is the right column of the feed on a desktop: how things stand, and who is there. */
export function FeedAside() {
  const { model, t } = useApp();
  const friends = model.friends.value;
  return (
    <>
      <section class="card">
        <PodLine />
        <WaitingLine />
      </section>
      {friends.length === 0 ? null : (
        <section class="card">
          <h2 class="label">{t.nav.friends}</h2>
          <ul class="face-grid">
            {friends.slice(0, shown).map((friend) => (
              <li key={friend.cid}>
                <a href={addressOf("friends", friend.cid)} title={friend.name}><span class="unseen">{friend.name}</span><Face id={friend.cid} name={friend.name} /></a>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function PodLine() {
  const { clock, model, t } = useApp();
  const pod = model.pod.value;
  return (
    <a class="row" href={addressOf("you", "pod")}>
      <span class="row-icon"><Icon name="pod" /></span>
      <span class="row-text">
        <span class="row-title">{t.standing.pod}</span>
        <span class="row-note">{podIs(pod, t)}{pod.kind === "connected" && pod.lastSync !== undefined ? ` · ${clock.ago(pod.lastSync)}` : ""}</span>
      </span>
    </a>
  );
}

function WaitingLine() {
  const { model, t } = useApp();
  const n = model.outbox.value.length;
  if (n === 0) return null;
  return (
    <a class="row" href={addressOf("you", "waiting")}>
      <span class="row-icon"><Icon name="clock" /></span>
      <span class="row-text"><span class="row-title">{t.standing.waiting}</span><span class="row-note">{t.standing.things(n)}</span></span>
    </a>
  );
}
