/**
 * A page over a driver, in the shape of Playwright's `Page` and `Locator` as far as people.ts asks: so that the same people, with the
 * same hands, use a browser that Playwright does not drive. What is not here is undefined, and a test that asks for it fails.
 *
 * Each act waits until its one element is there and takes it, and fails after the tab's patience; what people do is done by
 * the driver's pointer and keys, not by scripts.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { type Driver, type Held, PassingError } from "./driver.ts";
import { find, isSeen, type Step, type Wanted } from "./find.ts";

interface Named {
  readonly name?: string | RegExp;
  readonly exact?: boolean;
  readonly level?: number;
}

type State = "attached" | "detached" | "visible" | "hidden";

/** Milliseconds between two looks. */
const beat = 100;

function wanted(text: string | RegExp, exact = false): Wanted {
  if (text instanceof RegExp) return { source: text.source, flags: text.flags };
  return exact ? { whole: text } : { part: text };
}

/** Finds is what a page and an element have in common: one can look for elements in them. */
abstract class Finds {
  protected abstract step(step: Step): Place;

  getByRole(role: string, { name, exact, level }: Named = {}): Place {
    return this.step({ by: "role", role, ...(name === undefined ? {} : { name: wanted(name, exact) }), ...(level === undefined ? {} : { level }) });
  }

  getByText(text: string | RegExp, { exact }: Named = {}): Place {
    return this.step({ by: "text", text: wanted(text, exact) });
  }

  getByLabel(text: string | RegExp, { exact }: Named = {}): Place {
    return this.step({ by: "label", text: wanted(text, exact) });
  }
}

/** Place leads to elements, which are looked for anew at each act. */
class Place extends Finds {
  readonly #tab: Tab;
  readonly #steps: readonly Step[];

  constructor(tab: Tab, steps: readonly Step[]) {
    super();
    this.#tab = tab;
    this.#steps = steps;
  }

  protected override step(step: Step): Place {
    return new Place(this.#tab, [...this.#steps, step]);
  }

  filter({ hasText, visible }: { readonly hasText?: string | RegExp; readonly visible?: boolean }): Place {
    const having = hasText === undefined ? this : this.step({ by: "has", text: wanted(hasText) });
    return visible === true ? having.step({ by: "visible" }) : having;
  }

  first(): Place {
    return this.nth(0);
  }

  last(): Place {
    return this.nth(-1);
  }

  nth(at: number): Place {
    return this.step({ by: "nth", at });
  }

  count(): Promise<number> {
    return this.#found().then(({ length }) => length);
  }

  click(): Promise<void> {
    return this.#act("click", (held) => this.#tab.driver.click(held));
  }

  async check(): Promise<void> {
    if (!(await this.isChecked())) await this.click();
    await this.#tab.until(() => this.isChecked(), `check ${this}`);
  }

  isChecked(): Promise<boolean> {
    return this.evaluate((box: HTMLInputElement) => box.checked);
  }

  fill(text: string): Promise<void> {
    return this.#act("fill", (held) => this.#tab.driver.type(held, text));
  }

  setInputFiles(file: string): Promise<void> {
    return this.#act("choose", (held) => this.#tab.driver.choose(held, file));
  }

  async waitFor({ state = "visible", timeout }: { readonly state?: State; readonly timeout?: number } = {}): Promise<void> {
    const holds = async (): Promise<boolean> => {
      const found = await this.#found();
      if (state === "attached" || state === "detached") return found.length > 0 === (state === "attached");
      if (found.length > 1) throw new Error(`wait for ${this}: ${found.length} of them`);
      return (await this.#seen(found[0])) === (state === "visible");
    };
    await this.#tab.until(holds, `wait until ${state}: ${this}`, timeout);
  }

  textContent(): Promise<string | null> {
    return this.evaluate((element: Element) => element.textContent);
  }

  inputValue(): Promise<string> {
    return this.evaluate((element: HTMLInputElement) => element.value);
  }

  isVisible(): Promise<boolean> {
    return this.#found().then(([first]) => this.#seen(first));
  }

  async evaluate<R, E extends Element>(call: (element: E) => R): Promise<Awaited<R>> {
    let result: { readonly of: Awaited<R> } | undefined;
    await this.#act("evaluate", async (held) => {
      result = { of: (await this.#tab.driver.run(call, held)) as Awaited<R> };
    });
    if (result === undefined) throw new Error(`evaluate ${this}: nothing ran`);
    return result.of;
  }

  override toString(): string {
    return this.#steps.map((step) => JSON.stringify(step)).join(" ");
  }

  /** #act does something to the one element, as soon as it takes it. */
  async #act(what: string, act: (held: Held) => Promise<unknown>): Promise<void> {
    const did = async (): Promise<boolean> => {
      const [found, ...more] = await this.#found();
      if (more.length > 0) throw new Error(`${what} ${this}: ${more.length + 1} of them`);
      if (found === undefined) return false;
      await act(found);
      return true;
    };
    await this.#tab.until(did, `${what} ${this}`);
  }

  async #seen(held: Held | undefined): Promise<boolean> {
    return held !== undefined && (await this.#tab.driver.run(isSeen, held)) === true;
  }

  async #found(): Promise<readonly Held[]> {
    return (await this.#tab.driver.run(find, this.#steps)) as readonly Held[];
  }
}

/** Tab is the one page of a driven browser. */
export class Tab extends Finds {
  readonly driver: Driver;
  patience = 90_000;
  #closed = false;

  constructor(driver: Driver) {
    super();
    this.driver = driver;
  }

  protected override step(step: Step): Place {
    return new Place(this, [step]);
  }

  goto(url: string): Promise<void> {
    return this.driver.goto(url);
  }

  reload(): Promise<void> {
    return this.driver.reload();
  }

  async evaluate<R, A>(call: (given: A) => R, given?: A): Promise<Awaited<R>> {
    return (await this.driver.run(call, given)) as Awaited<R>;
  }

  /** screenshot returns a picture of the page as a PNG, once what moves has come to its end, and writes it to `path`. */
  async screenshot({ path }: { readonly path?: string } = {}): Promise<Buffer> {
    await this.driver.run(() => {
      for (const each of document.getAnimations()) if (each.effect?.getComputedTiming().endTime !== Infinity) each.finish();
    });
    const picture = await this.driver.screenshot();
    if (path === undefined) return picture;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, picture);
    return picture;
  }

  isClosed(): boolean {
    return this.#closed;
  }

  /** on is there for who listens to what a page says: a driver tells nothing of it. */
  on(): this {
    return this;
  }

  /** until asks again and again whether something holds, and takes for a no what may be so for a moment. */
  async until(holds: () => Promise<boolean>, what: string, patience = this.patience): Promise<void> {
    let last: unknown = "it never was";
    for (const end = Date.now() + patience; ; ) {
      try {
        if (await holds()) return;
      } catch (error) {
        if (!(error instanceof PassingError)) throw error;
        last = error;
      }
      if (Date.now() > end) throw new Error(`${what}: after ${patience} ms: ${String(last)}`);
      await new Promise((resolve) => setTimeout(resolve, beat));
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.driver.stop();
  }
}

/** contextOf returns the tab's browser as people.ts wants it. The cast hides that a `Tab` is a part of a `Page`. */
export function contextOf(tab: Tab): BrowserContext {
  const context = {
    setDefaultTimeout: (patience: number): void => void (tab.patience = patience),
    newPage: (): Promise<Page> => Promise.resolve(tab as unknown as Page),
    close: (): Promise<void> => tab.close(),
  };
  return context as unknown as BrowserContext;
}
