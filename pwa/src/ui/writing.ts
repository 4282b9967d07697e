import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Audience, Compose, Kith, NewPicture } from "../core/kith.ts";
import type { Chosen, Opened } from "./context.ts";
import { shrink } from "./pictures.ts";

/** Pictures in one post. */
export const mostPictures = 20;
/** What is typed is stored at latest after this many milliseconds, while typing goes on. */
const rest = 1_000;

/** One picture of the post that is being written, and an address to show it by. */
export interface Shot {
  readonly id: number;
  readonly url: string;
  readonly picture: NewPicture;
}

/** Writing is a post while it is written. It is kept as a draft all the time, so that nothing is lost. */
export interface Writing {
  readonly text: Signal<string>;
  readonly audience: Signal<Audience>;
  readonly shots: ReadonlySignal<readonly Shot[]>;
  /** Photos that are being made ready: done and all. */
  readonly working: ReadonlySignal<{ readonly done: number; readonly total: number } | undefined>;
  /** Whether the draft is stored as it stands. */
  readonly kept: ReadonlySignal<"nothing" | "kept" | "failed">;
  /** Adds photos; returns the errors of those that could not be read, and whether some were too many. */
  add(photos: readonly (Blob | Chosen)[]): Promise<{ readonly errors: readonly unknown[]; readonly tooMany: boolean }>;
  describe(id: number, alt: string): void;
  takeAway(id: number): void;
  /** Says that text or audience changed. */
  touched(): void;
  /** Stores the draft now; returns its id, or undefined when there is nothing in it. As one that leaves it is stored for the last time. */
  keep(reason?: "typed" | "leaving"): Promise<string | undefined>;
  /** Throws the draft away. */
  discard(): Promise<void>;
  compose(): Compose;
  /** Ends it without storing. */
  end(): void;
}

/** writingOf returns a post to write, beginning with a draft. */
export function writingOf(kith: Kith, from: Opened): Writing {
  return new Draft(kith, from);
}

class Draft implements Writing {
  readonly text: Signal<string>;
  readonly audience: Signal<Audience>;
  readonly shots: Signal<readonly Shot[]>;
  readonly working = signal<{ readonly done: number; readonly total: number } | undefined>(undefined);
  readonly kept = signal<"nothing" | "kept" | "failed">("nothing");
  readonly #kith: Kith;
  #id: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Stores one after the other, so that an older text never overtakes a newer one. */
  #storing: Promise<unknown> = Promise.resolve();
  #serial = 0;
  #ended = false;

  constructor(kith: Kith, from: Opened) {
    this.#kith = kith;
    this.#id = from.id;
    this.text = signal(from.text);
    this.audience = signal(from.audience);
    this.shots = signal(from.pictures.map((picture) => this.#shot(picture)));
  }

  async add(photos: readonly (Blob | Chosen)[]): Promise<{ readonly errors: readonly unknown[]; readonly tooMany: boolean }> {
    const room = Math.max(0, mostPictures - this.shots.value.length);
    const taken = photos.slice(0, room);
    const errors: unknown[] = [];
    for (const [done, photo] of taken.entries()) {
      this.working.value = { done, total: taken.length };
      try {
        const shot = this.#shot(photo instanceof Blob ? await shrink(photo) : { ...(await shrink(photo.photo)), from: photo.from });
        this.shots.value = [...this.shots.value, shot];
      } catch (error) {
        errors.push(error);
      }
    }
    this.working.value = undefined;
    this.touched();
    return { errors, tooMany: photos.length > room };
  }

  describe(id: number, alt: string): void {
    this.shots.value = this.shots.value.map((shot) => (shot.id === id ? { ...shot, picture: { ...shot.picture, alt } } : shot));
    this.touched();
  }

  takeAway(id: number): void {
    const shot = this.shots.value.find((each) => each.id === id);
    if (shot !== undefined) URL.revokeObjectURL(shot.url);
    this.shots.value = this.shots.value.filter((each) => each.id !== id);
    this.touched();
  }

  touched(): void {
    this.#timer ??= setTimeout(() => void this.keep(), rest);
  }

  async keep(reason: "typed" | "leaving" = "typed"): Promise<string | undefined> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const stored = this.#storing.then(() => this.#store(reason));
    this.#storing = stored;
    return stored;
  }

  async discard(): Promise<void> {
    this.#ended = true;
    await this.#storing;
    if (this.#id !== undefined) await this.#kith.removeDraft(this.#id);
    this.#id = undefined;
  }

  compose(): Compose {
    return { text: this.text.value.trim(), pictures: this.shots.value.map(({ picture }) => picture), audience: this.audience.value };
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const { url } of this.shots.value) URL.revokeObjectURL(url);
  }

  async #store(reason: "typed" | "leaving"): Promise<string | undefined> {
    if (this.#ended) return this.#id;
    this.#ended = reason === "leaving";
    const { pictures, audience } = this.compose();
    const text = this.text.value;
    if (text.trim() === "" && pictures.length === 0 && this.#id === undefined) return undefined;
    try {
      this.#id = await this.#kith.saveDraft({ ...(this.#id === undefined ? {} : { id: this.#id }), text, pictures, audience, reason });
      this.kept.value = "kept";
    } catch {
      // The page still holds it; the view says that it must stay open.
      this.kept.value = "failed";
    }
    return this.#id;
  }

  #shot(picture: NewPicture): Shot {
    this.#serial += 1;
    return { id: this.#serial, picture, url: URL.createObjectURL(new Blob([picture.thumb], { type: picture.mediaType })) };
  }
}
