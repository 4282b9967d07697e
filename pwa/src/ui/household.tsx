import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ErrorCode } from "../core/errors.ts";
import type { Home } from "../core/kith.ts";
import { useApp } from "./context.ts";
import { Empty, Screen } from "./parts/screen.tsx";
import { addressOf, type Path } from "./route.ts";
import { type HomeWords, useHomeWords } from "./words/home.ts";
import { codeOf, sentenceFor, type Words } from "./words/words.ts";

/** Runs something at the pod and reads again what is shown; undefined when it failed, which was told then. */
export type Act = <T>(act: (home: Home) => Promise<T>) => Promise<T | undefined>;

/** What was read of the pod. */
export interface Household<T> {
  readonly said: T | undefined;
  /** Why nothing was read. */
  readonly failed: ErrorCode | undefined;
  /** Reads again. */
  readonly read: () => void;
  readonly act: Act;
}

/** useHousehold reads something of the own pod, as it is when the view is drawn first, after every act, and after every exchange with the pod. */
export function useHousehold<T>(ask: (home: Home) => Promise<T>): Household<T> {
  const { kith, model, said: told, t } = useApp();
  const w = useHomeWords();
  const [said, setSaid] = useState<T>();
  const [failed, setFailed] = useState<ErrorCode>();
  const asking = async (): Promise<void> => {
    const next = await ask(await kith.home());
    setSaid(() => next);
  };
  const read = (): void => {
    setFailed(undefined);
    asking().catch((error: unknown) => setFailed(codeOf(error)));
  };
  const { kind, lastSync } = model.pod.value;
  useEffect(() => { if (kind !== "none") read(); }, [lastSync]);
  const act: Act = async (what) => {
    try {
      const done = await what(await kith.home());
      await asking().catch(() => undefined);
      return done;
    } catch (error) {
      told.value = { text: sorryFor(error, t, w), failed: true };
      return undefined;
    }
  };
  return { said, failed, read, act };
}

/** sorryFor returns what to tell when something was not done at the pod: nothing of it is sent later by itself. */
export function sorryFor(error: unknown, words: Words, { undone }: HomeWords): string {
  return codeOf(error) === "pod-unreachable" ? undone : sentenceFor(error, words);
}

interface OfPodProps<T> {
  readonly title: string;
  readonly back: Path;
  readonly household: Household<T>;
  readonly children: (said: T) => ComponentChildren;
}

/** OfPod is a screen about the own pod: what it says, or why it says nothing. */
export function OfPod<T>({ title, back, household: { said, failed, read }, children }: OfPodProps<T>) {
  const { model, t } = useApp();
  const w = useHomeWords();
  return (
    <Screen title={title} back={back}>
      {model.pod.value.kind === "none" ? <Empty title={w.noPod} hint={w.noPodHint}><a class="button primary" href={addressOf("you", "pod")}>{w.connect}</a></Empty>
        : said !== undefined ? children(said)
        : failed !== undefined ? <Empty title={failed !== "pod-refused" ? w.unreached : model.me.value?.removed === true ? t.standing.removed : t.errors[failed]}><button type="button" class="button" onClick={read}>{w.again}</button></Empty>
        : <p class="state pad" role="status">{w.asking}</p>}
    </Screen>
  );
}

/** Copied is a text that is needed elsewhere, with a button that copies it. */
export function Copied({ label, text }: { readonly label: string; readonly text: string }) {
  const { attempt, say } = useApp();
  const w = useHomeWords();
  const copy = (): void => void attempt(() => navigator.clipboard.writeText(text).then(() => say(w.drive.copied(label))));
  return (
    <div class="row stack">
      <span class="row-text"><span class="row-note">{label}</span><span class="address" dir="ltr">{text}</span></span>
      <button type="button" class="button quiet" aria-label={`${w.copy}: ${label}`} onClick={copy}>{w.copy}</button>
    </div>
  );
}

/** named returns an address as a person would say it: without scheme, and without the slash at its end. */
export function named(place: string): string {
  return place.replace(/^https?:\/\//, "").replace(/\/$/, "");
}
