import { Drawn, Icon, type IconName } from "./icon.tsx";

/** Strokes of places that are not the first page, on the same grid of 24. */
const strokes = {
  photo: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 2.5-2.5 5 5M15.5 9.5h.01",
  scan: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M7 12h10",
  relay: "M3.5 14a8.5 8.5 0 0 1 17 0M20.5 9v5h-5M12 13.5v6",
  device: "M13 18H2.5M4.5 15V5.5h14V8M15.5 10.5h6v9h-6z",
  draft: "M5 19.5l1-4L16 5.5l3 3-10 10zM14 7.5l3 3",
  box: "M4.5 8 12 4l7.5 4v8L12 20l-7.5-4zM4.5 8l7.5 4 7.5-4M12 12v8",
  info: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM12 11v5M12 8h.01",
  backup: "M12 4v10M8 10.5l4 4 4-4M4.5 15.5v4h15v-4",
  gone: "M5 7h14M9.5 7V4.5h5V7M7 7l.8 12.5h8.4L17 7M10.5 11v5M13.5 11v5",
  lasts: "M7 4h10M7 20h10M8 4c0 5 3 5.5 4 8 1-2.5 4-3 4-8M8 20c0-5 3-5.5 4-8 1 2.5 4 3 4 8",
  apps: "M4.5 4.5h6v6h-6zM13.5 4.5h6v6h-6zM4.5 13.5h6v6h-6zM13.5 13.5h6v6h-6z",
  disk: "M5 6.5c0-1.4 3.1-2.5 7-2.5s7 1.1 7 2.5-3.1 2.5-7 2.5-7-1.1-7-2.5ZM5 6.5v11c0 1.4 3.1 2.5 7 2.5s7-1.1 7-2.5v-11M5 12c0 1.4 3.1 2.5 7 2.5s7-1.1 7-2.5",
  language: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM3.5 12h17M12 3.5c4.7 5 4.7 12 0 17M12 3.5c-4.7 5-4.7 12 0 17",
  warning: "M12 4.5 21 19.5H3zM12 10v4.5M12 17h.01",
  key: "M8.5 15.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12.5 11.5H21M18 11.5v3.5",
} as const;

export type SignName = keyof typeof strokes | IconName;

/** Sign is an icon on any page but the first. */
export function Sign({ name }: { readonly name: SignName }) {
  return name in strokes ? <Drawn stroke={strokes[name as keyof typeof strokes]} /> : <Icon name={name as IconName} />;
}
