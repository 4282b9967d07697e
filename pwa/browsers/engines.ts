/**
 * The browsers beside Chromium, as Debian has them: Firefox, which speaks WebDriver BiDi itself, and WebKitGTK, which stands in for
 * Safari and is driven by its own WebKitWebDriver.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext } from "playwright-core";
import { type Scene, type Screen } from "../e2e/harness.ts";
import { startBidi } from "./bidi.ts";
import { ended } from "./driver.ts";
import { contextOf, Tab } from "./tab.ts";
import { startWebDriver } from "./webdriver.ts";

/** Engine is one kind of browser. */
export interface Engine {
  readonly name: string;
  /** Whether it has the origin's private file system, in which keys are overwritten in place. */
  readonly opfs: boolean;
  /** The programs that it needs, and the Debian packages that have them. */
  readonly needs: Readonly<Record<string, string>>;
  /** Starts it on a profile folder. */
  launch(folder: string, screen: Screen): Promise<BrowserContext>;
}

const firefoxProgram = process.env["FIREFOX"] ?? "/usr/bin/firefox-esr";
const webkitDriver = "/usr/bin/WebKitWebDriver";
const gjs = "/usr/bin/gjs";
const xvfb = "/usr/bin/Xvfb";

/** It asks its maker's hosts for nothing, and speaks English as the tests do. */
const firefoxSettings = {
  "intl.accept_languages": "en-GB, en",
  "app.normandy.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "browser.shell.checkDefaultBrowser": false,
};

export const firefox: Engine = {
  name: "Firefox",
  opfs: true,
  needs: { [firefoxProgram]: "firefox-esr" },
  async launch(folder, screen) {
    await mkdir(folder, { recursive: true });
    const settings = { ...firefoxSettings, "layout.css.prefers-color-scheme.content-override": screen.dark === true ? 0 : 1 };
    const lines = Object.entries(settings).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
    await writeFile(join(folder, "user.js"), lines.join(""));
    return contextOf(new Tab(await startBidi(firefoxProgram, ["--headless", "--no-remote", "--profile", folder], screen)));
  },
};

/** webkit has no files that are written in place: WebKitGTK lacks what Safari has there, also where its switches are turned on. */
export const webkit: Engine = {
  name: "WebKit",
  opfs: false,
  needs: { [webkitDriver]: "webkit2gtk-driver and gir1.2-webkit2-4.1", [gjs]: "gjs", [xvfb]: "xvfb" },
  async launch(folder, { width, height, dark }) {
    const window = fileURLToPath(new URL("./webkit.gjs", import.meta.url));
    const args = ["-m", window, folder, `${width}x${height}`, dark === true ? "dark" : "light"];
    const env = { ...process.env, DISPLAY: await startDisplay(), GDK_BACKEND: "x11", NO_AT_BRIDGE: "1", LIBGL_ALWAYS_SOFTWARE: "1" };
    return contextOf(new Tab(await startWebDriver(webkitDriver, { "webkitgtk:browserOptions": { binary: gjs, args } }, env)));
  },
};

/** missing returns the Debian packages that an engine still needs here. */
export function missing({ needs }: Engine): readonly string[] {
  const there = (path: string): boolean => {
    try {
      accessSync(path, constants.R_OK);
      return true;
    } catch {
      return false;
    }
  };
  return Object.entries(needs).filter(([path]) => !there(path)).map(([, name]) => name);
}

/** inEngine returns the scene with its profiles in another browser. Closing the scene closes them. */
export function inEngine(scene: Scene, engine: Engine): Scene {
  const open = new Set<BrowserContext>();
  return {
    ...scene,
    async profile(name, screen = { width: 390, height: 844 }) {
      const context = await engine.launch(scene.profileFolder(name), screen);
      open.add(context);
      return context;
    },
    async close() {
      for (const context of open) await context.close().catch(() => undefined);
    },
  };
}

let display: { readonly name: Promise<string>; readonly process: ChildProcess } | undefined;

/** startDisplay returns the one X server without a screen that all windows of this process are on. */
function startDisplay(): Promise<string> {
  if (display !== undefined) return display.name;
  // It chooses a free number itself and says it on the descriptor.
  const running = spawn(xvfb, ["-displayfd", "3", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const name = new Promise<string>((resolve, reject) => {
    running.once("error", reject);
    running.once("close", () => reject(new Error("start display: it ended")));
    running.stdio[3]?.once("data", (number: Buffer) => resolve(`:${number.toString().trim()}`));
  });
  display = { name, process: running };
  return name;
}

/** stopDisplay ends it. */
export async function stopDisplay(): Promise<void> {
  if (display === undefined) return;
  await ended(display.process, "SIGTERM");
  display = undefined;
}
