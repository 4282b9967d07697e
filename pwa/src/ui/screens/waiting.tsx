import { useEffect, useState } from "preact/hooks";
import type { OutboxItem } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Empty, Screen } from "../parts/screen.tsx";
import { addressOf } from "../route.ts";
import { usePlaceWords } from "../words/places.ts";

/** WaitingScreen lists what has not left the phone yet, and why. */
export function WaitingScreen() {
  const { kith, model } = useApp();
  const p = usePlaceWords();
  const items = model.outbox.value;
  const hasPod = model.pod.value.kind !== "none";
  return (
    <Screen title={p.waiting.title} back={["you"]}>
      {items.length === 0 ? <Empty title={p.waiting.none} hint={p.waiting.noneHint} /> : (
        <>
          {hasPod ? null : <p class="standing">{p.waiting.noPod}</p>}
          <ul class="rows">{items.map((item) => <li key={item.id}><Item item={item} /></li>)}</ul>
          {hasPod ? <div class="thumb"><button type="button" class="button primary" onClick={() => void kith.syncNow()}>{p.waiting.now}</button></div> : null}
        </>
      )}
    </Screen>
  );
}

function Item({ item }: { readonly item: OutboxItem }) {
  const { aliases, clock, t } = useApp();
  const p = usePlaceWords();
  const text = usePostText(item);
  const { attempts, error, post, since, what } = item;
  const told = [
    ...(text === undefined ? [] : [`${p.waiting.doing[what]}.`]),
    p.waiting.since(clock.at(since)),
    ...(attempts === 0 ? [] : [p.waiting.tried(attempts)]),
    ...(error === undefined ? [] : [t.errors[error.code]]),
  ];
  const words = (
    <span class="row-text">
      <span class="row-title" dir="auto">{text === undefined ? p.waiting.doing[what] : text}</span>
      <span class="row-note">{told.join(" ")}</span>
    </span>
  );
  return post === undefined || what === "delete" ? <div class="row">{words}</div> : <a class="row" href={addressOf("post", aliases.of(post))}>{words}</a>;
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
