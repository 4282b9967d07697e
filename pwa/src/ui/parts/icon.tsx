/** Strokes on a grid of 24, drawn for this app: those of the first page. */
const strokes = {
  feed: "M5 5h14v8H5zM5 17h14M5 20.5h9",
  friends: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20c.4-3.6 3-6 6.5-6s6.1 2.4 6.5 6M16 4.4a3.5 3.5 0 0 1 0 6.3M18.3 14.6c1.8.9 3 2.8 3.2 5.4",
  plus: "M12 5v14M5 12h14",
  you: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.5c.6-4 3.6-6.5 7.5-6.5s6.9 2.5 7.5 6.5",
  back: "M14.5 5 7.5 12l7 7",
  next: "M9.5 5l7 7-7 7",
  close: "M6 6l12 12M18 6 6 18",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  check: "M5 12.5l4.5 4.5L19 7.5",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.5 15.5 20.5 20.5",
  again: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9M20 4v5h-5",
  more: "M5 12a.6.6 0 1 0 1.2 0 .6.6 0 1 0-1.2 0M11.4 12a.6.6 0 1 0 1.2 0 .6.6 0 1 0-1.2 0M17.8 12a.6.6 0 1 0 1.2 0 .6.6 0 1 0-1.2 0",
  pod: "M5 4.5h14v6H5zM5 13.5h14v6H5zM8 7.5h.01M8 16.5h.01",
  clock: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM12 7.5V12l3 2",
} as const;

export type IconName = keyof typeof strokes;

/** Those that point along the line turn with the direction of the script. */
const turning: ReadonlySet<IconName> = new Set<IconName>(["back", "next"]);

/** Icon stands beside a word and says nothing of its own to a screen reader. */
export function Icon({ name, small }: { readonly name: IconName; readonly small?: boolean }) {
  return <Drawn stroke={strokes[name]} more={`${small === true ? "small" : ""} ${turning.has(name) ? "turns" : ""}`} />;
}

/** Drawn is an icon of strokes that are kept elsewhere (parts/sign.tsx). */
export function Drawn({ stroke, more = "" }: { readonly stroke: string; readonly more?: string }) {
  return (
    <svg class={`icon ${more}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={stroke} />
    </svg>
  );
}
