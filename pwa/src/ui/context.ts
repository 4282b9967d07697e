import { type ReadonlySignal, type Signal, computed, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Audience, Draft, Kith, PostRef, Trouble } from "../core/kith.ts";
import { type Aliases, aliasesOf } from "./aliases.ts";
import { type Detector, detectorFor } from "./detector.ts";
import type { Model } from "./model.ts";
import { type Outgoing, outgoingOf } from "./outgoing.ts";
import type { Router } from "./route.ts";
import { type Pictures, picturesOf } from "./thumbs.ts";
import type { Speech, Spoken } from "./speech.ts";
import type { Update } from "./update.ts";
import { type Clock, clockFor } from "./when.ts";
import { type Words, sentenceFor } from "./words/words.ts";

/** A short sentence at the foot of the screen, perhaps with a way back. */
export interface Said {
  readonly text: string;
  readonly undo?: () => void;
  /** What the way back is called. */
  readonly way?: string;
  /** Said of a failure: it stays until it is put away. */
  readonly failed?: boolean;
}

/** What a draft needs to be opened again without a round through the store. */
export type Opened = Pick<Draft, "text" | "pictures" | "audience"> & { readonly id?: string };

/** A photo, and the path in the pod where it was found. */
export interface Chosen {
  readonly photo: Blob;
  readonly from: string;
}

/** App is what every view has: the core, its state, words, and the ways to say and to go. */
export interface App {
  readonly kith: Kith;
  readonly model: Model;
  readonly speech: Speech;
  /** The language that is spoken; `t` and `clock` follow it, and so does a view that reads one of the three. */
  readonly spoken: ReadonlySignal<Spoken>;
  readonly t: Words;
  readonly clock: Clock;
  readonly router: Router;
  readonly pictures: Pictures;
  readonly aliases: Aliases;
  readonly outgoing: Outgoing;
  readonly update: Update;
  readonly online: Signal<boolean>;
  readonly said: Signal<Said | undefined>;
  /** What is stored when the page is hidden or about to go. */
  readonly leaving: Set<() => Promise<unknown>>;
  /** Comments that were typed and not sent, by post, for as long as the page lives. */
  readonly typed: Map<PostRef, string>;
  /** The draft that the composer opens with. */
  readonly opened: Signal<Opened | undefined>;
  /** What the pod has to tell, as far as it was asked. */
  readonly troubles: Signal<readonly Trouble[]>;
  /** Photos that were chosen for the composer from the pod's inbox. */
  readonly chosen: Signal<readonly Chosen[]>;
  /** Reads codes. It is here because a part of the app can be loaded only from where all parts are known. */
  readonly detector: () => Promise<Detector>;
  /** Stores what is still only in the page. */
  leave(): Promise<unknown>;
  say(text: string, undo?: () => void, way?: string): void;
  /** Runs what a person asked for. A failure is told in words and gives undefined. */
  attempt<T>(act: () => Promise<T>): Promise<T | undefined>;
}

/** Everything that `appOf` is given. */
export interface Parts {
  readonly kith: Kith;
  readonly model: Model;
  readonly speech: Speech;
  /** In milliseconds since the epoch. */
  readonly now: () => number;
  readonly router: Router;
  readonly update: Update;
  readonly page: Window;
}

/** appOf puts the app together. */
export function appOf({ kith, model, speech, now, router, update, page }: Parts): App {
  const { spoken } = speech;
  const clock = computed(() => clockFor(spoken.value.tag, now, spoken.value.words.comma));
  const said = signal<Said | undefined>(undefined);
  const online = signal(page.navigator.onLine);
  page.addEventListener("online", () => { online.value = true; });
  page.addEventListener("offline", () => { online.value = false; });
  const outgoing = outgoingOf(kith, page);
  const leaving = new Set<() => Promise<unknown>>([outgoing.flush]);
  const leave = (): Promise<unknown> => Promise.allSettled([...leaving].map((store) => store()));
  page.addEventListener("pagehide", () => void leave());
  page.document.addEventListener("visibilitychange", () => { if (page.document.visibilityState === "hidden") void leave(); });
  return {
    leave, leaving, kith, model, speech, spoken, router, update, online, said, outgoing,
    get t() { return spoken.value.words; },
    get clock() { return clock.value; },
    pictures: picturesOf(kith),
    aliases: aliasesOf(),
    opened: signal(undefined),
    troubles: signal([]),
    chosen: signal([]),
    typed: new Map(),
    detector: detectorFor,
    say(text, undo, way = spoken.value.words.undo) {
      said.value = undo === undefined ? { text } : { text, undo, way };
    },
    async attempt(act) {
      try {
        return await act();
      } catch (error) {
        said.value = { text: sentenceFor(error, spoken.value.words), failed: true };
        return undefined;
      }
    },
  };
}

const Context = createContext<App | undefined>(undefined);

/** Provides the app to the views below. */
export const AppProvider = Context.Provider;

/** useApp returns the app that the view is part of. */
export function useApp(): App {
  const app = useContext(Context);
  if (app === undefined) throw new Error("use app: the view stands outside of it");
  return app;
}

/** audienceFrom returns the choice that a composer starts with. */
export function audienceFrom(kith: Kith, friends: number): Audience {
  return friends === 0 ? { kind: "me" } : kith.lastAudience();
}
