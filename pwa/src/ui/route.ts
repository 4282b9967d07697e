import { type ReadonlySignal, type Signal, signal } from "@preact/signals";

/** Path is a screen's address: `["friends", "abc"]` stands as `#/friends/abc` in the address bar. */
export type Path = readonly string[];

/** Router moves between screens, each with an address of its own, so that back, forward and reload do
 * what a person expects. Layers (dialogs) take one step of the history and have no address. */
export interface Router {
  readonly path: ReadonlySignal<Path>;
  /** A link with a secret (`#i=`, `#pair=`, `#device=`, `#consent=`) that was opened and waits to be dealt with; it
   * has already left the address bar. */
  readonly opened: Signal<string | undefined>;
  go(...path: string[]): void;
  /** Goes there in place of the screen that is shown. */
  swap(...path: string[]): void;
  /** One step back, or to `parent` when the app was opened here. */
  back(...parent: string[]): void;
  /** Takes one step of the history; `left` is called when the person goes back. Returns what ends the layer. */
  layer(left: () => void): () => void;
}

/** addressOf returns the link to a screen. */
export function addressOf(...path: string[]): string {
  return `#/${path.map(encodeURIComponent).join("/")}`;
}

/** pathOf returns the screen of an address; whatever is not one is the feed. */
export function pathOf(hash: string): Path {
  if (!hash.startsWith("#/")) return [];
  try {
    return hash.slice(2).split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return [];
  }
}

const secret = /^#(i|pair|device|consent)=/;

/** askedIn returns the id of what another app asks, when the link that was opened is of that kind. */
export function askedIn(link: string | undefined): string | undefined {
  return /#consent=([\w.~-]+)$/.exec(link ?? "")?.[1];
}

/** openRouter follows the address bar of the page. */
export function openRouter(page: Window): Router {
  return new HashRouter(page);
}

/** What each step of the history remembers: screens before it, and layers that lie on the screen. */
interface Step {
  readonly hop: number;
  readonly layers: number;
}

class HashRouter implements Router {
  readonly path: Signal<Path>;
  readonly opened: Signal<string | undefined>;
  readonly #page: Window;
  #hop: number;
  #layers: (() => void)[] = [];
  /** Resolves once the history has as many steps as there are layers. */
  #settled: Promise<void> = Promise.resolve();
  /** A step back that was asked for here, not by the person. */
  #stepping: (() => void) | undefined;

  constructor(page: Window) {
    this.#page = page;
    page.history.scrollRestoration = "manual";
    this.opened = signal(undefined);
    this.path = signal([]);
    this.#hop = this.#step()?.hop ?? -1;
    this.#follow();
    page.addEventListener("hashchange", () => this.#follow());
    page.addEventListener("popstate", () => this.#popped());
  }

  go(...path: string[]): void {
    this.#later(() => { this.#page.location.hash = addressOf(...path); });
  }

  swap(...path: string[]): void {
    this.#later(() => {
      this.#page.history.replaceState({ hop: this.#hop, layers: 0 } satisfies Step, "", addressOf(...path));
      this.#follow();
    });
  }

  back(...parent: string[]): void {
    this.#later(() => {
      if ((this.#step()?.hop ?? 0) > 0) this.#page.history.back();
      else this.swap(...parent);
    });
  }

  layer(left: () => void): () => void {
    this.#layers.push(left);
    this.#settle();
    return () => {
      const at = this.#layers.indexOf(left);
      if (at < 0) return;
      this.#layers.splice(at, 1);
      this.#settle();
    };
  }

  /** After the views have closed their layers and the history has followed. */
  #later(act: () => void): void {
    this.#page.setTimeout(() => void this.#settled.then(act));
  }

  #settle(): void {
    this.#settled = this.#settled.then(() => {
      const steps = this.#step()?.layers ?? 0;
      for (let n = steps + 1; n <= this.#layers.length; n += 1) {
        this.#page.history.pushState({ hop: this.#hop, layers: n } satisfies Step, "");
      }
      return steps > this.#layers.length ? this.#stepBack(steps - this.#layers.length) : undefined;
    });
  }

  #stepBack(steps: number): Promise<void> {
    return new Promise((resolve) => {
      this.#stepping = resolve;
      this.#page.history.go(-steps);
    });
  }

  #popped(): void {
    const stepped = this.#stepping;
    this.#stepping = undefined;
    if (stepped !== undefined) return stepped();
    const steps = this.#step()?.layers ?? 0;
    while (this.#layers.length > steps) this.#layers.pop()?.();
    // The step of a layer that is no more, as after going forward: nothing to see there.
    if (steps > this.#layers.length) this.#page.history.back();
  }

  #follow(): void {
    const { history, location } = this.#page;
    if (secret.test(location.hash)) {
      this.opened.value = location.href;
      history.replaceState(this.#step() ?? null, "", addressOf());
    }
    const step = this.#step();
    if (step === undefined) history.replaceState({ hop: (this.#hop += 1), layers: 0 } satisfies Step, "");
    else this.#hop = step.hop;
    this.path.value = pathOf(location.hash);
  }

  #step(): Step | undefined {
    const state: unknown = this.#page.history.state;
    return typeof state === "object" && state !== null && "hop" in state ? (state as Step) : undefined;
  }
}
