/** Looking at a screen as people see it: light and dark, on a phone and on a desktop. */

import type { Page } from "playwright-core";
import { expect } from "vitest";
import { axe } from "./axe.ts";
import { desktop, phone, screenshot } from "./harness.ts";

/** Pictures of every screen are for a person to judge; they are kept when they are asked for. */
const kept = process.env["SHOTS"] !== undefined;

/** lookAt expects that axe finds nothing on the page, at both sizes in light and in dark, and leaves it as a phone has it. With SHOTS set
 * it keeps pictures in shots/: what is shown first, and its end where that is further down. */
export async function lookAt(page: Page, name: string): Promise<void> {
  for (const [size, screen] of [["desktop", desktop], ["phone", phone]] as const) {
    await page.setViewportSize(screen);
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      if (kept) await keep(page, `${name} ${size} ${colorScheme}`);
      expect(await axe(page), `${name}, ${size}, ${colorScheme}`).toEqual([]);
    }
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
