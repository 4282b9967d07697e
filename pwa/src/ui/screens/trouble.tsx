import { Component, type ComponentChildren } from "preact";
import { Mark } from "../parts/mark.tsx";
import { type Words, sentenceFor } from "../words/words.ts";

interface TroubleProps {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly onAction: () => void;
}

/** Trouble is a screen that says what is wrong and offers the one thing that helps. */
export function Trouble({ title, text, action, onAction }: TroubleProps) {
  return (
    <main id="main" class="welcome">
      <Mark />
      <h1>{title}</h1>
      <p class="reading">{text}</p>
      <button type="button" class="button primary large" onClick={onAction}>{action}</button>
    </main>
  );
}

interface CatchProps {
  readonly t: Words;
  readonly children: ComponentChildren;
}

/** Catch shows Trouble in place of views that failed to draw. */
export class Catch extends Component<CatchProps, { readonly error?: unknown }> {
  static override getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render() {
    const { t, children } = this.props;
    const { error } = this.state;
    if (error === undefined) return children;
    return <Trouble title={t.trouble.title} text={sentenceFor(error, t)} action={t.trouble.reload} onAction={() => location.reload()} />;
  }
}
