import { useEffect, useState } from "preact/hooks";
import type { OutboxItem, Waiting } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Empty, Screen } from "../parts/screen.tsx";
import { addressOf } from "../route.ts";
import { useRelayWords } from "../words/relays.ts";

/** WaitingScreen lists what has not left the phone yet, and why. */
export function WaitingScreen() {
  const { kith, model } = useApp();
  const w = useRelayWords();
  const items = model.outbox.value;
  const others = kith.waiting();
  const hasPod = model.pod.value.kind !== "none";
  return (
    <Screen title={w.waiting.title} back={["you"]}>
      {items.length + others.length === 0 ? <Empty title={w.waiting.none} hint={w.waiting.noneHint} /> : (
        <>
          {hasPod || items.length === 0 ? null : <p class="standing">{w.waiting.noPod}</p>}
          <ul class="rows">{items.map((item) => <li key={item.id}><Item item={item} /></li>)}</ul>
          {others.length === 0 ? null : <Others others={others} />}
          {hasPod ? <div class="thumb"><button type="button" class="button primary" onClick={() => void kith.syncNow()}>{w.waiting.now}</button></div> : null}
        </>
      )}
    </Screen>
  );
}

function Item({ item }: { readonly item: OutboxItem }) {
  const { aliases, clock, model, t } = useApp();
  const w = useRelayWords();
  const text = usePostText(item);
  const { attempts, error, friend, post, since, what } = item;
  const told = [
    ...(text === undefined ? [] : [`${w.waiting.doing[what]}.`]),
    ...(friend === undefined ? [] : [w.waiting.to(model.friend.value.get(friend)?.name ?? "")]),
    w.waiting.since(clock.at(since)),
    ...(attempts === 0 ? [] : [w.waiting.tried(attempts)]),
    ...(error === undefined ? [] : [t.errors[error.code]]),
    ...(model.pod.value.kind !== "none" && ["audience", "delete", "contact"].includes(what) ? [t.errors["pod-not-told"]] : []),
  ];
  const words = (
    <span class="row-text">
      <span class="row-title"><bdi>{text === undefined ? w.waiting.doing[what] : text}</bdi></span>
      <span class="row-note">{told.join(" ")}</span>
    </span>
  );
  return post === undefined || what === "delete" ? <div class="row">{words}</div> : <a class="row" href={addressOf("post", aliases.of(post))}>{words}</a>;
}

/** What relays keep until somebody wakes up. */
function Others({ others }: { readonly others: readonly Waiting[] }) {
  const w = useRelayWords();
  return (
    <section aria-label={w.waiting.others}>
      <h2 class="label pad">{w.waiting.others}</h2>
      <ul class="rows">{others.map((each) => <li key={each.id}><Other waiting={each} /></li>)}</ul>
    </section>
  );
}

function Other({ waiting: { friend, host, name = "", since, what } }: { readonly waiting: Waiting }) {
  const { clock, model } = useApp();
  const w = useRelayWords();
  const who = (friend && model.friend.value.get(friend)?.name) ?? name;
  return (
    <div class="row">
      <span class="row-text">
        <span class="row-title"><bdi>{w.waiting.doingFor[what](who)}</bdi></span>
        <span class="row-note">{what === "pod" ? w.waiting.podWakes : w.waiting.wakes(who)} {w.waiting.keptAt(host, clock.at(since))}</span>
      </span>
    </div>
  );
}

/** The first words of the post that waits. */
function usePostText({ post, what }: OutboxItem): string | undefined {
  const { kith } = useApp();
  const [text, setText] = useState<string>();
  useEffect(() => {
    let left = false;
    if (post !== undefined && what !== "delete") {
      kith.readPost(post).then((found) => { if (!left && found !== undefined && found.text !== "") setText(found.text.slice(0, 120)); }, () => undefined);
    }
    return () => { left = true; };
  }, [post, what]);
  return text;
}
