/** Following one other device of the person: its rows are merged into the own tree, as a pod's are; then the bytes that were left for later come. */

import { type Bytes, fromB64u } from "../bytes.ts";
import { list, object, objectIn, string, whole } from "../json.ts";
import type { Asking, Client } from "../ldp/client.ts";
import type { Answer } from "../ldp/wire.ts";
import { forgetBases, type Known, knownName, stopFollowing } from "../pod/bases.ts";
import { escaped, validPath } from "../pod/paths.ts";
import { newRow } from "../pod/tree.ts";
import type { Row, Write } from "../store/store.ts";
import type { Did } from "../webid/key.ts";
import { readPodWay, readWays } from "../webid/link.ts";
import { isRelay } from "../webid/way.ts";
import { network } from "../loaded.ts";
import { others, type Parted, partedSetting } from "./others.ts";
import type { Pod, Session } from "./session.ts";

/** For so long a device remembers at least what was deleted, in milliseconds (protocol §3.2). */
export const remembered = 80 * 86_400_000;
/** So many bytes that were left for later are fetched before it is asked for news again. */
const few = 8;
/** Seconds that a relay holds a question: a device that is awake answers at once, and one that sleeps is not to be woken for this. */
const [knock, stay] = [4, 25];

/** Following is one other device. */
export class Following {
  readonly #session: Session;
  readonly #kid: Did;
  readonly #client: DeviceClient;
  /** What it does not have either. */
  readonly #lacking = new Set<string>();

  constructor(session: Session, kid: Did) {
    this.#session = session;
    this.#kid = kid;
    this.#client = new DeviceClient(session, kid);
  }

  /** awake tells whether it answered the last time. */
  get awake(): boolean {
    return this.#client.awake;
  }

  /** follow asks for what is new, waiting for it for so many seconds; true when something came. */
  async follow(wait: number, signal?: AbortSignal): Promise<boolean> {
    const session = this.#session;
    const restored = session.store.get("restored") !== undefined;
    const began = session.env.now();
    const changed = await this.#rows(restored ? undefined : this.#known.cursor, wait, restored, signal);
    await session.heard(changed);
    await this.#agreed(began);
    const { pod } = this.#client;
    if (pod !== undefined && this.#listed && mayAdopt(session)) await adopt(session, pod);
    return (await this.#rest()) || changed.length > 0;
  }

  /** agreed takes back that the other left this device out: it answered what was asked after that. */
  async #agreed(began: number): Promise<void> {
    const { store, emit } = this.#session;
    const parted = store.get(partedSetting) as Parted | undefined;
    if (parted?.by !== this.#kid || parted.over === true || parted.at >= began) return;
    await store.apply([{ set: partedSetting, value: { ...parted, over: true } satisfies Parted }]);
    emit("me");
  }

  /** bytes returns those of one resource. */
  async bytes(path: string): Promise<Bytes | undefined> {
    const { readBytes } = await network();
    return readBytes(this.#client, path).catch(() => undefined);
  }

  get #listed(): boolean {
    return others(this.#session).includes(this.#kid);
  }

  get #known(): Known {
    return (this.#session.store.get(knownName(this.#kid)) as Known | undefined) ?? { heard: 0 };
  }

  async #rows(cursor: Known["cursor"], wait: number, restored: boolean, signal?: AbortSignal): Promise<readonly string[]> {
    const { tree } = this.#session;
    const { readPage, settle } = await network();
    const changed: string[] = [];
    const there = new Set<string>();
    for (let page = await readPage(this.#client, cursor, wait, signal); ; page = await readPage(this.#client, page, 0, signal)) {
      const { heard } = this.#client;
      const known: Known = { cursor: { epoch: page.epoch, seq: page.seq }, heard };
      const same = JSON.stringify(known) === JSON.stringify(this.#known);
      changed.push(...(await settle(tree, this.#client, page, same ? [] : [{ set: knownName(this.#kid), value: known }], { kid: this.#kid, heard, listed: () => this.#listed })));
      for (const { path } of page.rows) there.add(path);
      if (!page.more || !this.#listed) break;
    }
    await tree.exclusive(() => this.#tidy(restored ? there : undefined));
    return changed;
  }

  /** tidy forgets what everybody has heard of; after a restore it holds what may have been deleted so long ago that nobody remembers. */
  async #tidy(there: ReadonlySet<string> | undefined): Promise<void> {
    const { env, store, tree } = this.#session;
    const { hold } = await network();
    const restored = store.get("restored") as number | undefined;
    const old = (row: Row): boolean => restored !== undefined && there?.has(row.path) === false && row.modified <= restored && env.now() - restored >= remembered;
    const doubtful = there === undefined ? [] : [...store.rows("/")].filter((row) => row.here && old(row));
    const writes: Write[] = [...forgetBases(store, tree.device, others(this.#session)), ...(doubtful.length === 0 ? [] : [hold(tree, doubtful)]), ...(there === undefined ? [] : [{ unset: "restored" }])];
    if (writes.length > 0) await store.apply(writes);
  }

  /** rest fetches a few of the bytes that were left for later; true when some came. */
  async #rest(): Promise<boolean> {
    const { store, tree } = this.#session;
    const { readBytes } = await network();
    const missing = [...store.rows("/")].filter(({ here, path, etag }) => !here && !this.#lacking.has(`${path} ${etag}`)).slice(0, few);
    let came = false;
    for (const { path, etag } of missing) {
      const bytes = await readBytes(this.#client, path);
      const row = store.row(path);
      if (bytes === undefined || row === undefined || (await newRow(row, bytes)).etag !== row.etag) {
        this.#lacking.add(`${path} ${etag}`);
        continue;
      }
      await tree.exclusive(async () => (store.row(path)?.etag === row.etag ? store.apply([{ put: row, bytes }]) : undefined));
      came = true;
    }
    if (came) this.#session.emit("posts");
    return came;
  }
}

/** DeviceClient asks one other device. The bytes that come along with a page need not be asked for. */
class DeviceClient implements Client {
  readonly way = { pod: "" };
  /** The highest counter of this device that the other had heard of when it made the last page. */
  heard = 0;
  /** The person's pod, where the other one has connected it. */
  pod: Pod | undefined;
  awake = false;
  readonly #session: Session;
  readonly #kid: Did;
  #along = new Map<string, Bytes>();
  /** It compares what it has already: no bytes need to come along. */
  #bare = false;

  constructor(session: Session, kid: Did) {
    this.#session = session;
    this.#kid = kid;
  }

  async ask(asking: Asking): Promise<Answer> {
    const path = "path" in asking ? asking.path : "";
    const along = this.#along.get(path);
    if (along !== undefined) return { status: 200, headers: new Headers(), bytes: along };
    const page = path.startsWith(".replica?");
    const question = { ...asking, path: page && this.#bare ? `${path}&bare=1` : path };
    try {
      const carrier = await this.#session.carrier();
      const answer = await carrier.askDevice(this.#kid, question, this.awake ? stay : knock);
      this.awake = true;
      if (page) this.#take(answer, new URLSearchParams(path.split("?")[1]).get("epoch") ?? "");
      return answer;
    } catch (error) {
      if (asking.signal?.aborted !== true) this.awake = false;
      throw error;
    }
  }

  refusedForGood(): boolean {
    return false;
  }

  #take({ bytes }: Answer, epoch: string): void {
    const json = objectIn(bytes);
    // Nobody has heard of what did not happen.
    this.heard = Math.min(whole(object(json?.known)?.[this.#session.me.device]) ?? 0, this.#session.tree.counter);
    this.pod = podOf(json?.pod);
    this.#bare = json?.more === true && (this.#bare || (epoch !== "" && json.epoch !== epoch));
    this.#along = new Map(list(json?.rows).map(object).flatMap((row): readonly (readonly [string, Bytes])[] => {
      const [path, written] = [string(row?.path, 2048), string(row?.bytes, 1 << 20)];
      const found = written === undefined ? undefined : fromB64u(written);
      return path === undefined || !validPath(path) || found === undefined ? [] : [[`.replica${escaped(path)}`, found]];
    }));
  }
}

/** podOf reads where the person's pod is. */
function podOf(value: unknown): Pod | undefined {
  const json = object(value);
  const webid = string(json?.webid, 2048);
  if (json === undefined || webid === undefined) return undefined;
  return { ...readPodWay(json), webid, via: "via" in json ? readWays(json, "via").filter(isRelay) : [] };
}

/** mayAdopt tells whether this device is to take up the person's pod: there is one in the list, and it never had any here. */
function mayAdopt({ tree, list: { devices } }: Session): boolean {
  return !tree.tracked && devices.some(({ may }) => !may.includes("post"));
}

/** adopt takes up the pod that another device has connected: from now on both replicate with that. */
async function adopt({ tree, emit }: Session, pod: Pod): Promise<void> {
  const { store } = tree;
  await tree.exclusive(() => store.apply([{ set: "pod", value: pod }, { set: "pod/was", value: true }, { unset: "pod/cursor" }, ...stopFollowing(store)]));
  for (const topic of ["pod", "posts", "outbox"] as const) emit(topic);
}
