/** The owner's pod, asked about itself (docs/protocol.md, Looking after a pod). It is loaded when somebody asks. */

import { b64u, base32, type Bytes, sha256, utf8 } from "./bytes.ts";
import { KithError } from "./errors.ts";
import { given } from "./given.ts";
import type { AppPassword, Backup, DriveAt, Dropped, Home, Kit, Trouble } from "./home.ts";
import { type Json, list, listIn, object, objectIn, parse, string, time, whole } from "./json.ts";
import type { Client } from "./ldp/client.ts";
import type { Answer } from "./ldp/wire.ts";
import { network } from "./loaded.ts";
import { waiting } from "./pod/outbox.ts";
import { escaped, kitsPath, unescaped } from "./pod/paths.ts";
import type { Row } from "./store/store.ts";
import { podClient } from "./sync/clients.ts";
import type { Session } from "./sync/session.ts";

/** The pod's folder for photos that are to be posted, and where they go afterwards. */
const inbox = "/inbox-photos/";
const posted = `${inbox}posted/`;
/** The largest photo that is fetched, in bytes. */
const photoMax = 64 << 20;
const photoTimeout = 300_000;
/** How often it is asked whether a place for backups will do, and for how long at most, in milliseconds. */
const glance = 1_500;
const patience = 60_000;

/** homeOf returns the owner's pod; `acted` tells of what is to be brought there. */
export function homeOf(session: Session, acted: () => void): Home {
  return new House(session, acted);
}

class House implements Home {
  readonly #session: Session;
  readonly #acted: () => void;

  constructor(session: Session, acted: () => void) {
    this.#session = session;
    this.#acted = acted;
  }

  get #pod(): Client {
    return podClient(this.#session);
  }

  async troubles(): Promise<readonly Trouble[]> {
    return (await this.#list(".trouble")).flatMap((each) => readTrouble(each) ?? []);
  }

  async decideDeletions(remove: boolean, told: Pick<Trouble, "count" | "seen">): Promise<boolean> {
    const { status, bytes } = await this.#ask("POST", ".trouble/deletions", { delete: remove, seen: told.seen }, [200, 204, 412]);
    const paths = list(objectIn(bytes)?.paths).flatMap((each) => string(each, 8192) ?? []);
    if (await areThose(paths, told)) await (await network()).agree(this.#session, this.#rows(paths));
    this.#acted();
    return status !== 412;
  }

  /** rows returns what is here at paths as the pod spells them, with what belongs to it. */
  #rows(paths: readonly string[]): readonly Row[] {
    const all = new Set(paths.map(unescaped));
    return [...this.#session.store.rows("/")].filter(({ path }) => all.has(path) || all.has(path.replace(/\.(acl|meta)$/, "")));
  }

  async backups(): Promise<readonly Backup[]> {
    return (await this.#list(".backups")).flatMap((each) => readBackup(each) ?? []);
  }

  async keepCopies(): Promise<void> {
    await this.#send("POST", ".trouble/unkept", { copies: true });
  }

  async addBackup(place: string, user: string, password: string): Promise<string | undefined> {
    const { env } = this.#session;
    const named = await this.#send("POST", ".backups", { place, user, password }, [202, 400, 422]);
    const id = string(named?.id, 64);
    if (id === undefined) return "";
    for (const until = env.now() + patience; env.now() < until;) {
      const found = (await this.backups()).find((each) => each.id === id);
      if (found?.state === "refused") await this.removeBackup(id);
      if (found?.state !== "looking") return found !== undefined && found.state === undefined ? undefined : (found?.why ?? "");
      await new Promise<void>((resolve) => env.after(glance, resolve));
    }
    return undefined;
  }

  async backUpNow(): Promise<void> {
    await this.#send("POST", ".backups/run", {});
  }

  async removeBackup(id: string): Promise<void> {
    await this.#send("DELETE", `.backups/${encodeURIComponent(id)}`, undefined, [204, 404]);
  }

  async kits(): Promise<readonly Kit[]> {
    const told = parse((await this.#session.tree.text(kitsPath)) ?? "");
    return list(told?.backups).map(object).flatMap((each) => {
      const [place, kit] = [string(each?.place), string(list(each?.kits)[0])];
      return place === undefined || kit === undefined ? [] : [{ place, kit }];
    });
  }

  async passwords(): Promise<readonly AppPassword[]> {
    return (await this.#list(".passwords")).flatMap((each) => readPassword(each, this.#session.env.now()) ?? []);
  }

  async addPassword(label: string): Promise<AppPassword & { readonly secret: string }> {
    const { env, mustPod } = this.#session;
    const user = mustPod.pod.split("/").at(-2) ?? "";
    const secret = Array.from({ length: 4 }, () => base32(env.random(4)).slice(0, 5)).join("-");
    const hash = btoa(String.fromCharCode(...(await sha256(utf8(`kith password 1\n${user}\n${secret}`)))));
    const made = await this.#send("POST", ".passwords", { id: base32(env.random(10)), name: label, since: Math.floor(env.now() / 1000), hash });
    const password = made && readPassword(made, env.now());
    if (password?.user !== user) throw unexpected("of a new password");
    return { ...password, secret };
  }

  async revokePassword(id: string): Promise<() => Promise<void>> {
    const back = await this.#send("DELETE", `.passwords/${encodeURIComponent(id)}`, undefined, [200, 404]);
    return async () => void (back !== undefined && (await this.#send("POST", ".passwords", back)));
  }

  driveAt(): DriveAt {
    const { pod, via } = this.#session.mustPod;
    if (/^(localhost|127\..*|\[::1\])$/.test(new URL(pod).hostname)) return "machine";
    return (via ?? []).length > 0 ? "home" : "anywhere";
  }

  dropped(): readonly Dropped[] {
    const { store } = this.#session;
    const rows = [...store.rows(inbox)].filter(({ path, type }) => type.startsWith("image/") && !path.slice(inbox.length).includes("/"));
    return rows.sort((a, b) => b.modified - a.modified || (a.path < b.path ? -1 : 1))
      .map(({ path, type, size }) => ({ path, name: path.slice(inbox.length), mediaType: type, bytes: size }));
  }

  async photo(path: string): Promise<Bytes> {
    const here = await this.#session.store.bytes(path);
    if (here !== undefined) return here;
    const { bytes } = await this.#pod.ask({ method: "GET", path: `.replica${escaped(path)}`, max: photoMax, timeout: photoTimeout });
    return bytes;
  }

  async putAway(paths: readonly string[]): Promise<void> {
    const { store, tree } = this.#session;
    await this.#tidy();
    for (const path of paths) {
      const row = store.row(path);
      if (row === undefined || !path.startsWith(inbox)) continue;
      const bytes = await this.photo(path);
      await tree.act("other", async (batch) => {
        await batch.put(free(store, path.slice(inbox.length)), row.type, bytes);
        for (const each of [path, `${path}.acl`]) if (store.row(each) !== undefined) batch.erase(each);
      });
    }
    this.#acted();
  }

  /** tidy lets go of the bytes of what was put away, once the pod has them. */
  async #tidy(): Promise<void> {
    const { store } = this.#session;
    const { puts } = waiting(store);
    const idle = ({ path, here }: Row): boolean => here && !puts.has(path) && !path.endsWith(".acl");
    await store.apply([...store.rows(posted)].filter(idle).map(({ path }) => ({ purge: path })));
  }

  /** list asks for a bare list of objects. */
  async #list(path: string): Promise<readonly Json[]> {
    const { bytes } = await this.#pod.ask({ method: "GET", path, brief: true });
    const all = listIn(bytes);
    if (all === undefined) throw unexpected(`of ${path}`);
    return all.map(object).filter((each) => each !== undefined);
  }

  async #ask(method: "POST" | "DELETE", path: string, body: Json | undefined, allow: readonly number[]): Promise<Answer> {
    const json = body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return this.#pod.ask({ method, path, allow, brief: true, ...json });
  }

  /** send asks for an act, to be done before long or not at all; undefined when the answer says nothing, or no. */
  async #send(method: "POST" | "DELETE", path: string, body?: Json, allow: readonly number[] = [200, 201, 202, 204]): Promise<Json | undefined> {
    const { status, bytes } = await this.#ask(method, path, body, allow);
    return status >= 400 ? undefined : objectIn(bytes);
  }
}

/** areThose tells whether paths are those of which the owner was told: as many files, and no others. */
async function areThose(paths: readonly string[], { count, seen }: Pick<Trouble, "count" | "seen">): Promise<boolean> {
  const files = paths.filter((path) => !path.endsWith("/")).length || paths.length;
  return files === count && seen === b64u((await sha256(paths.map((path) => `${path}\n`).join(""))).subarray(0, 12));
}

/** free returns a path in the folder of what was posted that nothing has. */
function free(store: { row(path: string): unknown }, name: string): string {
  const [, stem = name, end = ""] = /^(.+)(\.[^.]+)$/.exec(name) ?? [];
  for (let n = 1; ; n += 1) {
    const path = posted + (n === 1 ? name : `${stem} ${n}${end}`);
    if (store.row(path) === undefined) return path;
  }
}

const states = ["looking", "refused"] as const;

function readTrouble(read: Json): Trouble | undefined {
  const [kind, said] = [string(read.kind, 40), string(read.text)];
  if (kind === undefined || said === undefined) return undefined;
  const paths = list(read.paths).flatMap((each) => string(each, 2048) ?? []);
  return given({ kind, why: string(read.why, 40), place: string(read.place), free: whole(read.free), until: time(read.until), text: said, count: whole(read.count) ?? 0, since: time(read.since), paths, seen: string(read.seen, 64) ?? "" });
}

function readBackup(read: Json): Backup | undefined {
  const [id, place] = [string(read.id, 64), string(read.place)];
  if (id === undefined || place === undefined) return undefined;
  const [done, total] = [whole(object(read.running)?.done), whole(object(read.running)?.total)];
  const progress = done === undefined || total === undefined || total === 0 ? undefined : { done, total };
  const state = states.find((each) => each === read.state);
  return given({ id, place, state, user: string(read.user, 200), done: time(read.done), next: time(read.next), error: string(read.error), why: string(read.why, 40), waiting: read.waiting === true, unconfirmed: read.unconfirmed === true, damaged: read.damage !== undefined, progress });
}

function readPassword(read: Json, now: number): AppPassword | undefined {
  const [id, user, url] = [string(read.id, 64), string(read.user, 64), string(read.url, 2048)];
  if (id === undefined || user === undefined || url === undefined) return undefined;
  return given({ id, user, url, label: string(read.label, 200) ?? "", since: time(read.since) ?? now, used: time(read.used) });
}

function unexpected(what: string): KithError {
  return new KithError("pod-refused", `read answer ${what}: it is not of the form expected`);
}

