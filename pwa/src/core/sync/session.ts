/** Session is a person on this device, once there is one: tree, key, and who listens. */

import type { Env } from "../env.ts";
import { KithError } from "../errors.ts";
import type { PodState, Topic } from "../kith.ts";
import type { Client, PodClient } from "../ldp/client.ts";
import { named } from "../name.ts";
import { draftRows, Drafts } from "../pod/drafts.ts";
import { devices, inbox, namePath, relaysPath } from "../pod/paths.ts";
import { asTold, Tree } from "../pod/tree.ts";
import type { Store } from "../store/store.ts";
import { type DeviceList, ownList } from "../webid/list.ts";
import type { Carrier } from "./reach.ts";
import type { Replicas } from "./replicas.ts";
import type { Did, Label, Signer } from "../webid/key.ts";
import type { PodWay, RelayWay } from "../webid/way.ts";
import { signerOf } from "../webid/records.ts";

/** Pod is the owner's pod as this device remembers it. */
export interface Pod extends PodWay {
  readonly webid: string;
  /** Relays by which it was paired; empty, or absent, when it is asked at its own address. */
  readonly via?: readonly RelayWay[];
}

/** Person is the setting `me`. */
export interface Person {
  readonly name: string;
  readonly label: string;
  /** This device's name in lists and versions. */
  readonly device: Did;
  /** When this device became one of the person's, in milliseconds since the epoch. */
  readonly since: number;
}

/** Emit tells the views which part to read again. */
export type Emit = (topic: Topic) => void;

/** Status is how it goes with the pod since the app was opened. */
export interface Status {
  error: KithError | undefined;
  progress: PodState["progress"] | undefined;
}

/** Session is opened once per app; `list` follows the owner's device list. */
export class Session {
  readonly env: Env;
  readonly store: Store;
  readonly tree: Tree;
  readonly drafts: Drafts;
  readonly signer: Signer;
  readonly emit: Emit;
  /** Loads what brings sealed requests to relays. */
  readonly carrier: () => Promise<Carrier>;
  /** What follows the relays, once it is loaded. */
  relaysHeard: () => Promise<void> = async () => undefined;
  /** What ends the waiting of questions that nobody has any more, once it is loaded. */
  overtaken: () => Promise<void> = async () => undefined;
  list: DeviceList;
  /** What follows the person's other devices, once it is loaded (loaded.ts). */
  replicas: Promise<Replicas> | undefined;
  /** How it goes with the pod. */
  readonly status: Status = { error: undefined, progress: undefined };
  /** Who asks which pod, by contact or `me` (clients.ts). */
  readonly clients = new Map<string, PodClient>();
  readonly reaches = new Map<string, Client>();

  private constructor(tree: Tree, drafts: Drafts, signer: Signer, list: DeviceList, emit: Emit, carrier: () => Promise<Carrier>) {
    this.env = tree.env;
    this.store = tree.store;
    this.tree = tree;
    this.drafts = drafts;
    this.signer = signer;
    this.list = list;
    this.emit = emit;
    this.carrier = carrier;
  }

  /** open returns the session of the person whom the store holds; throws `not-started`. */
  static async open(env: Env, store: Store, emit: Emit, carrier: () => Promise<Carrier>): Promise<Session> {
    const me = personOf(store);
    if (me === undefined) throw new KithError("not-started", "open session: there is nobody yet");
    const tree = new Tree(store, env, me.device);
    const [drafts, signer, list] = await Promise.all([Drafts.open(tree), signerOf(env.keys, me.device), listOf(tree)]);
    return new Session(tree, drafts, signer, list, emit, carrier);
  }

  /** me returns who the person is. */
  get me(): Person {
    return personOf(this.store) as Person;
  }

  /** pod returns where the owner's pod is; undefined without one. */
  get pod(): Pod | undefined {
    return this.store.get("pod") as Pod | undefined;
  }

  /** mustPod is `pod`; throws `no-pod`. */
  get mustPod(): Pod {
    const { pod } = this;
    if (pod === undefined) throw new KithError("no-pod", "find pod: there is none");
    return pod;
  }

  /** heard tells the views of paths that changed, and follows the device list. */
  async heard(paths: readonly string[]): Promise<void> {
    if (paths.includes(devices)) this.list = await listOf(this.tree);
    if (paths.includes(draftRows)) await this.drafts.load();
    if (paths.includes(relaysPath)) await this.relaysHeard();
    if (paths.includes(namePath)) await this.#followName();
    for (const topic of new Set(paths.map(topicOf))) this.emit(topic);
    if (paths.some((path) => path.startsWith("/social/posts/"))) this.emit("feed");
  }

  /** followName takes over the name that another device of this person gave them. */
  async #followName(): Promise<void> {
    const name = await this.tree.text(namePath);
    if (name !== undefined && name !== "") await this.store.apply([{ set: "me", value: { ...this.me, name: named(name) } satisfies Person }]);
  }
}

/** lastList is the setting with the device list that held last: a tree that lost the list gets it back from there. */
const lastList = "list";

/** listOf returns the owner's device list, which was verified when it was written, and remembers it. */
async function listOf(tree: Tree): Promise<DeviceList> {
  const { store } = tree;
  const last = store.get(lastList) as string | undefined;
  const text = (await tree.text(devices)) ?? (await putBack(tree, last));
  if (text !== undefined && text !== last) await store.apply([{ set: lastList, value: text }]);
  return ownList(text ?? "") ?? alone(tree);
}

/** putBack puts the list back where it is missing, and compares everything with the pod once more, which may have a newer one. */
async function putBack(tree: Tree, text: string | undefined): Promise<string | undefined> {
  await tree.store.apply([{ unset: "pod/cursor" }, ...(text === undefined ? [] : [await asTold(tree, devices, text)])]);
  return text;
}

/** alone returns what a device knows that has no list at all: itself, which signs nothing. Whoever has the person's list brings it (pod/profile.ts). */
function alone({ env, store }: Tree): DeviceList {
  const { device, label } = personOf(store) as Person;
  return { label: label as Label, gen: 0, epoch: 0, prev: "", person: device, devices: [{ kid: device, name: env.deviceName, may: ["post"] }], text: "", signer: device };
}

/** personOf returns who the store belongs to. */
export function personOf(store: Store): Person | undefined {
  return store.get("me") as Person | undefined;
}

function topicOf(path: string): Topic {
  if (path === devices) return "devices";
  if (path === relaysPath) return "relays";
  if (path === draftRows) return "drafts";
  if (path.startsWith("/social/posts/")) return "posts";
  if (path.startsWith("/circles/")) return "circles";
  return path.startsWith(inbox) || path.startsWith("/contacts/") || path.startsWith("/social/audiences/") ? "friends" : "me";
}
