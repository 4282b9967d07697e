/** Looking at a screen as people see it: light and dark, on a phone and on a desktop. */

import type { Page } from "playwright-core";
import { expect } from "vitest";
import { axe } from "./axe.ts";
import { desktop, phone, screenshot } from "./harness.ts";

/** Pictures of every screen are for a person to judge; they are kept when they are asked for. */
const kept = process.env["SHOTS"] !== undefined;

/** A way to see a screen. */
type Way = readonly [size: "phone" | "desktop", colorScheme: "light" | "dark"];

/** every way to see a screen. */
export const every: readonly Way[] = [["desktop", "dark"], ["desktop", "light"], ["phone", "dark"], ["phone", "light"]];
/** apart has each size and each colour once: for screens that have nothing of their own in a column beside them. */
export const apart: readonly Way[] = [["desktop", "dark"], ["phone", "light"]];

/** lookAt expects that axe finds nothing on the page, whichever way it is seen, and leaves it as a phone has it in the light. With SHOTS
 * set it keeps pictures of every way in shots/: what is shown first, and its end where that is further down. */
export async function lookAt(page: Page, name: string, ways = every): Promise<void> {
  for (const way of kept ? every : ways) {
    const [size, colorScheme] = way;
    await page.setViewportSize({ phone, desktop }[size]);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    if (kept) await keep(page, `${name} ${size} ${colorScheme}`);
    expect(await axe(page), `${name}, ${size}, ${colorScheme}`).toEqual([]);
  }
}

async function keep(page: Page, name: string): Promise<void> {
  await screenshot(page, name);
  if (!(await page.evaluate(() => document.documentElement.scrollHeight > innerHeight * 1.1))) return;
  const at = await page.evaluate(() => scrollY);
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await screenshot(page, `${name} end`);
  await page.evaluate((to) => scrollTo(0, to), at);
}
