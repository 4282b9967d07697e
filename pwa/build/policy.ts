import { createHash } from "node:crypto";
import type { Plugin } from "vite";

/** policy writes the Content-Security-Policy into every page of the build, naming its inlined scripts and
 * styles by hash. It must come after the plugin that inlines them. */
export function policy(): Plugin {
  return {
    name: "kith:policy",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const file of Object.values(bundle)) {
          if (file.type !== "asset" || !file.fileName.endsWith(".html")) continue;
          file.source = guarded(String(file.source));
        }
      },
    },
  };
}

/** guarded returns the page with its policy as the first element after the charset; the policy also lets
 * the scripts in `later` run, which are not in the page yet. A page with an outside script or style, or with
 * no place for the policy, is an error. */
export function guarded(page: string, later: readonly string[] = []): string {
  if (/<script\b[^>]*\bsrc\s*=|<link\b[^>]*\brel\s*=\s*["']?stylesheet/i.test(page)) {
    throw new Error("guard page: a script or style is not inlined");
  }
  const place = '<meta charset="utf-8">';
  if (page.split(place).length !== 2) throw new Error(`guard page: it needs exactly one ${place}`);
  const meta = `<meta http-equiv="Content-Security-Policy" content="${directives(page, later)}">`;
  return page.replace(place, () => `${place}\n  ${meta}`);
}

function directives(page: string, later: readonly string[]): string {
  return [
    "default-src 'none'",
    `script-src ${hashes([...inlinedIn(page, "script"), ...later])}`,
    `style-src ${hashes(inlinedIn(page, "style"))}`,
    // 'self' is for the icons of the manifest: without it Chromium installs no app.
    "img-src 'self' blob: data:",
    "media-src blob:",
    // A friend's pod may stand at any address, at home on plain http too.
    "connect-src https: http: wss: ws:",
    // Dedicated workers come from blobs, the service worker from its own file.
    "worker-src blob: 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types kith",
  ].join("; ");
}

function inlinedIn(page: string, tag: "script" | "style"): string[] {
  return [...page.matchAll(new RegExp(`<${tag}\\b[^>]*>([\\s\\S]*?)</${tag}>`, "gi"))].map(([, text]) => text ?? "");
}

function hashes(texts: readonly string[]): string {
  if (texts.length === 0) return "'none'";
  return texts.map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`).join(" ");
}
