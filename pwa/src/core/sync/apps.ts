/**
 * Signing in elsewhere: the owner's pod vouches for them at apps that are not Kith (docs/protocol.md, Signing in
 * elsewhere; protocol §1.6). An app sends its person to the host of the pod, which sends them on to this app with
 * the id of what is asked; here they say yes or no.
 */

import type { Env } from "../env.ts";
import { KithError } from "../errors.ts";
import { given } from "../given.ts";
import { type Json, listIn, object, string, time } from "../json.ts";
import type { Admitted, Apps, Asked, Elsewhere } from "../kith.ts";
import type { Client } from "../ldp/client.ts";
import { codeOf, Failure } from "../ldp/errors.ts";
import { type Answer, ask } from "../ldp/wire.ts";
import { tidied } from "../name.ts";
import { podClient } from "./clients.ts";
import { jsonOf } from "./open.ts";
import type { Session } from "./session.ts";

const json = { "Content-Type": "application/json" };
const kinds: readonly Admitted["kind"][] = ["app", "credentials", "passkey", "password"];

/** Schemes of addresses that run or show something of this page's own instead of leading away from it. */
const unsafe = /^(javascript|data|blob|file|about|vbscript|filesystem|view-source):$/;

/** appsOf returns what is asked at hosts, and what a person's pod has let in; `session` is undefined before there is a person. */
export function appsOf(env: Env, session: Session | undefined): Apps {
  const open = new Asking(env);
  const own = (): Own => {
    if (session === undefined) throw new KithError("not-started", "sign in elsewhere: there is nobody yet");
    return new Own(session);
  };
  return {
    asked: (issuer, id) => open.asked(issuer, id),
    deny: (asked) => open.decide(asked, "", { decision: "deny" }),
    allow: async (asked) => own().allow(asked),
    passkeyFor: (asked) => open.passkeyFor(asked),
    allowByPasskey: (asked, credential) => open.decide(asked, "/passkey", { decision: "allow", credential }),
    elsewhere: async () => own().elsewhere(),
    setElsewhere: async (to) => own().setElsewhere(to),
    admitted: async () => own().admitted(),
    removeAdmitted: async (id) => own().remove(id),
    newPasskey: async () => own().newPasskey(),
    addPasskey: async (credential, name) => own().addPasskey(credential, name),
  };
}

/** Asking is what needs no proof: anybody with the id may look, say no, or show a passkey. */
class Asking {
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  async asked(issuer: string, id: string): Promise<Asked> {
    return readAsked(jsonOf(await this.#send("GET", decisionURL({ issuer, id })), "pod"), issuer, id);
  }

  async passkeyFor(asked: Asked): Promise<Json> {
    return jsonOf(await this.#send("POST", `${decisionURL(asked)}/passkey`, {}), "pod");
  }

  async decide(asked: Asked, part: string, body: Json): Promise<string> {
    return leadsBack(jsonOf(await this.#send("POST", decisionURL(asked) + part, body), "pod"), asked);
  }

  async #send(method: "GET" | "POST", url: string, body?: Json): Promise<Answer> {
    const sent = body === undefined ? {} : { headers: json, body: JSON.stringify(body) };
    const answer = await ask(this.#env, { method, url, ...sent }, "pod");
    if (answer.status !== 200) throw new Failure(codeOf(answer.status, "pod"), `${method} what is asked`, answer.status);
    return answer;
  }
}

/** Own is what the owner's devices may do at their pod. */
class Own {
  readonly #client: Client;
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
    this.#client = podClient(session);
  }

  /** allow turns signing in elsewhere on where it is off: without it no app could tell who signed in. */
  async allow(asked: Asked): Promise<string> {
    const { pod, issuer } = this.#session.mustPod;
    if (issuer !== asked.issuer) throw new KithError("pod-refused", "allow: the pod is at another host");
    if (!(await this.elsewhere()).on) await this.setElsewhere({ on: true, named: false });
    const body = JSON.stringify({ decision: "allow", pod });
    return leadsBack(jsonOf(await this.#client.ask({ method: "POST", url: decisionURL(asked), headers: json, body }), "pod"), asked);
  }

  async elsewhere(): Promise<Elsewhere> {
    const { on, name, ...read } = jsonOf(await this.#client.ask({ method: "GET", path: ".elsewhere" }), "pod");
    const [webid, issuer] = [string(read.webid, 2048), string(read.issuer, 2048)];
    if (typeof on !== "boolean" || webid === undefined || issuer === undefined) throw unexpected("of signing in elsewhere");
    return { on, named: name === true, webid, issuer };
  }

  async setElsewhere({ on, named }: Pick<Elsewhere, "on" | "named">): Promise<void> {
    await this.#client.ask({ method: "PUT", path: ".elsewhere", headers: json, body: JSON.stringify({ on, name: named }) });
  }

  async admitted(): Promise<readonly Admitted[]> {
    const { bytes } = await this.#client.ask({ method: "GET", path: ".grants" });
    // The answer is a bare list.
    const all = listIn(bytes);
    if (all === undefined) throw unexpected("of what was let in");
    return all.map(object).flatMap((each) => (each === undefined ? [] : readAdmitted(each)));
  }

  async remove(id: string): Promise<void> {
    await this.#client.ask({ method: "DELETE", path: `.grants/${encodeURIComponent(id)}`, allow: [200, 204, 404] });
  }

  async newPasskey(): Promise<Json> {
    return jsonOf(await this.#client.ask({ method: "POST", path: ".passkeys", headers: json, body: "{}" }), "pod");
  }

  async addPasskey(credential: Json, name: string): Promise<void> {
    await this.#client.ask({ method: "POST", path: ".passkeys", headers: json, body: JSON.stringify({ credential, name }) });
  }
}

function decisionURL({ issuer, id }: Pick<Asked, "issuer" | "id">): string {
  return `${issuer}/authorize/${encodeURIComponent(id)}`;
}

function readAsked(read: Json, issuer: string, id: string): Asked {
  const client = object(read.client);
  const redirect = object(read.redirect);
  const [host, uri, expires] = [string(client?.host, 255), string(redirect?.uri, 4096), time(read.expires)];
  if (host === undefined || uri === undefined || expires === undefined || !URL.canParse(uri)) throw unexpected("of what is asked");
  return given({
    issuer, id, host, expires,
    name: tidy(client?.name) || undefined,
    described: client?.kind === "document",
    back: uri,
  });
}

function readAdmitted(read: Json): readonly Admitted[] {
  const [id, since] = [string(read.id, 200), time(read.since)];
  const kind = kinds.find((each) => each === read.kind);
  if (id === undefined || kind === undefined || since === undefined) return [];
  return [given({ id, kind, since, name: tidy(read.name), host: string(read.host, 255), used: time(read.used) })];
}

/** tidy returns a name that somebody else chose, without what turns or hides the text around it; empty when there is none. */
function tidy(name: unknown): string {
  return tidied(string(name) ?? "").slice(0, 80);
}

/** leadsBack returns where the person goes next; only to the address that they were shown. */
function leadsBack(answer: Json, { back }: Asked): string {
  const written = string(answer.redirect, 16_384);
  if (written === undefined || !URL.canParse(written)) throw unexpected("of the decision");
  const [to, from] = [new URL(written), new URL(back)];
  const same = to.protocol === from.protocol && to.host === from.host && to.pathname === from.pathname;
  if (!same || unsafe.test(to.protocol) || to.username !== "" || to.password !== "") throw unexpected("of the decision: it leads elsewhere");
  return written;
}

function unexpected(what: string): KithError {
  return new KithError("pod-refused", `read answer ${what}: it is not of the form expected`);
}
