/** Raw requests to a pod: signed with a profile's own key, or by nobody, and whether two answers differ. */

import type { Page } from "playwright-core";
import type { Asker, Question, Reply } from "./asker/main.ts";
import { source } from "./asker/main.ts?source";
import type { Person } from "./harness.ts";

declare const asker: Asker;

export type { Reply } from "./asker/main.ts";

/** Ask sends one request and returns the whole answer but its date. */
export type Ask = (question: Omit<Question, "token">) => Promise<Reply>;

type Place = Pick<Person, "pod" | "issuer">;

/** signed asks a pod with the key that the page's profile keeps. */
export async function signed(page: Page, place: Place): Promise<Ask> {
  const token = await enter(page, place);
  return (question) => page.evaluate((asked) => asker.ask(asked), { ...question, token });
}

/** prover returns a function that makes the headers for one request, which the test then sends itself. */
export async function prover(page: Page, place: Place): Promise<(method: string, url: string) => Promise<Record<string, string>>> {
  const token = await enter(page, place);
  return (method, url) => page.evaluate(([method, url, token]) => asker.prove(method, url, token), [method, url, token] as const);
}

/** enter brings the asker into the page and gets a token with the key that the page's profile keeps. */
async function enter(page: Page, { pod, issuer }: Place): Promise<string> {
  // The page's own policy lets no script in; the debugger's protocol goes past it.
  const debug = await page.context().newCDPSession(page);
  await debug.send("Runtime.evaluate", { expression: source });
  await debug.detach();
  return page.evaluate(([pod, issuer]) => asker.token(pod, issuer), [pod, issuer] as const);
}

/** unsigned asks as a stranger does. */
export const unsigned: Ask = async ({ url, ...init }) => {
  const answer = await fetch(url, { ...init, redirect: "manual" });
  const headers = [...answer.headers].filter(([name]) => name !== "date");
  return { status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()).toString("base64url") };
};

/** Every way to touch a resource, also conditionally: each answer could tell whether it is there. */
export const touches: readonly Omit<Question, "url" | "token">[] = [
  { method: "GET" },
  { method: "GET", headers: { Accept: "text/turtle" } },
  { method: "GET", headers: { Range: "bytes=0-9" } },
  { method: "GET", headers: { "If-None-Match": "*" } },
  { method: "GET", headers: { "If-Match": '"x"' } },
  { method: "HEAD" },
  { method: "OPTIONS" },
  { method: "PUT", body: "{}", headers: { "Content-Type": "application/ld+json" } },
  { method: "PUT", body: "{}", headers: { "Content-Type": "application/ld+json", "If-None-Match": "*" } },
  { method: "PUT", body: "{}", headers: { "Content-Type": "application/ld+json", "If-Match": "*" } },
  { method: "POST", body: "{}", headers: { "Content-Type": "application/ld+json", Slug: "x" } },
  { method: "PATCH", body: "", headers: { "Content-Type": "text/n3" } },
  { method: "DELETE" },
  { method: "DELETE", headers: { "If-Match": '"x"' } },
];
