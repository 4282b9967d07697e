import type { ComponentChildren } from "preact";
import { addressOf } from "../route.ts";
import { Icon } from "./icon.tsx";
import { Sign, type SignName } from "./sign.tsx";

interface RowProps {
  /** The screen under You that it leads to. */
  readonly to: string;
  readonly icon: SignName;
  readonly title: string;
  /** How it stands there. */
  readonly note?: string;
}

/** Row leads to one of the screens under You. */
export function Row({ to, icon, title, note }: RowProps) {
  return (
    <li>
      <a class="row" href={addressOf("you", to)}>
        <span class="row-icon"><Sign name={icon} /></span>
        <span class="row-text"><span class="row-title">{title}</span>{note === undefined ? null : <span class="row-note">{note}</span>}</span>
        <Icon name="next" small />
      </a>
    </li>
  );
}

/** Rows are rows that belong together. */
export function Rows({ children }: { readonly children: ComponentChildren }) {
  return <div class="pad"><ul class="card rows">{children}</ul></div>;
}
