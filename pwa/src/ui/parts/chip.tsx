import type { AudienceView, Circle, CircleId } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import type { Words } from "../words/words.ts";
import { Faces } from "./face.tsx";
import { Icon } from "./icon.tsx";

/** audienceWords says who can see something in the fewest true words: "Family · 6", "Only me". */
export function audienceWords(view: AudienceView, circles: ReadonlyMap<CircleId, Circle>, t: Words): string {
  const n = view.people.length;
  if (view.kind === "me") return t.audience.me;
  if (view.kind === "all") return t.audience.all(n);
  if (view.kind === "custom") return t.audience.custom;
  if (view.kind === "theirs") return t.audience.theirs;
  const circle = view.circle === undefined ? undefined : circles.get(view.circle);
  if (circle !== undefined) return t.audience.circle(circle.name, n);
  if (n === 0) return t.audience.me;
  return n <= 2 ? t.names(view.people.map((each) => each.name)) : t.audience.friends(n);
}

interface ChipProps {
  readonly view: AudienceView;
  readonly onPress: () => void;
}

/** Chip says who can see something, in words and faces: the same on the composer and on every post. */
export function Chip({ view, onPress }: ChipProps) {
  const { t, model } = useApp();
  const words = audienceWords(view, model.circle.value, t);
  return (
    <button type="button" class={`chip ${tint(view, model.circle.value)}`} aria-haspopup="dialog" onClick={onPress}>
      <span class="unseen">{t.audience.title}: </span>
      {view.kind === "me" ? <Icon name="lock" small /> : null}
      {view.people.length > 0 && view.kind !== "theirs" ? <Faces people={view.people} /> : null}
      <bdi>{words}</bdi>
    </button>
  );
}

function tint(view: AudienceView, circles: ReadonlyMap<CircleId, Circle>): string {
  if (view.kind === "all") return "tint-all";
  const circle = view.circle === undefined ? undefined : circles.get(view.circle);
  return circle === undefined ? "tint-none" : `tint-${circle.hue}`;
}
