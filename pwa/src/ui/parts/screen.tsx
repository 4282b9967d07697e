import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useApp } from "../context.ts";
import type { Path } from "../route.ts";
import { Icon } from "./icon.tsx";

interface ScreenProps {
  readonly title: string;
  /** Where back leads when the app was opened here; without it there is no way back. */
  readonly back?: Path;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
  /** The right column of a desktop. On a phone it follows below, unless it is `wide`. */
  readonly aside?: ComponentChildren;
  readonly asideLabel?: string;
  readonly wide?: boolean;
  /** Kept alive but not shown. */
  readonly hidden?: boolean;
}

/** Screen is one place of the app: a heading that gets the focus where no field asks for it, what is there, and a right column. */
export function Screen({ title, back, actions, children, aside, asideLabel, wide, hidden = false }: ScreenProps) {
  const { router, spoken, t } = useApp();
  const heading = useRef<HTMLHeadingElement>(null);
  const tag = useRef("");
  useEffect(() => {
    if (hidden) return;
    document.title = title === t.app ? title : `${title} · ${t.app}`;
    // A title that only says the same in another language leaves the focus where it is.
    const translated = tag.current !== "" && tag.current !== spoken.value.tag;
    tag.current = spoken.value.tag;
    if (translated) return;
    if (document.querySelector("dialog[open]") !== null) return;
    (heading.current?.closest("main")?.querySelector<HTMLElement>("[autofocus]") ?? heading.current)?.focus({ preventScroll: true });
  }, [title, hidden]);
  return (
    <>
      <main id={hidden ? undefined : "main"} class="screen" hidden={hidden}>
        <header class="top">
          {back === undefined ? null : (
            <button type="button" class="plain round" aria-label={t.back} onClick={() => router.back(...back)}><Icon name="back" /></button>
          )}
          <h1 ref={heading} tabIndex={-1} dir="auto">{title}</h1>
          <div class="top-actions">{actions}</div>
        </header>
        {children}
      </main>
      {aside === undefined || hidden ? null : (
        <aside class={wide === true ? "aside wide" : "aside"} aria-label={asideLabel ?? title}>{aside}</aside>
      )}
    </>
  );
}

/** Empty is a screen's word when there is nothing on it: one sentence, one hint, perhaps two offers. */
export function Empty({ title, hint, children }: { readonly title: string; readonly hint?: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {hint === undefined ? null : <p>{hint}</p>}
      {children === undefined ? null : <div class="empty-offers">{children}</div>}
    </div>
  );
}

/** Notice is a true sentence about how things stand, with one thing to do about it. */
export function Notice({ text, children, strong }: { readonly text: string; readonly children?: ComponentChildren; readonly strong?: boolean }) {
  return (
    <div class={strong === true ? "notice strong" : "notice"}>
      <p>{text}</p>
      {children}
    </div>
  );
}
