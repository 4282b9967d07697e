/** People in plain Node, each with a phone and a pod of their own on one host. */

import type { Audience, ContactId, Kith, PostRef } from "../../src/core/kith.ts";
import type { Host, Person } from "./host.ts";
import { Device, until } from "./world.ts";

/** One is a person with a phone and, unless they want none, a pod. */
export interface One {
  readonly device: Device;
  readonly kith: Kith;
  readonly person: Person;
}

/** Folks makes people, and closes their phones at the end. */
export class Folks {
  readonly #host: Host;
  #devices: readonly Device[] = [];
  #count = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  /** someone starts a person, with a pod unless they want none. */
  async someone(name: string, withPod = true): Promise<One> {
    const device = new Device(`${name}'s phone`);
    const kith = await device.kith();
    this.#devices = [...this.#devices, device];
    await kith.start(name);
    const person = await this.#host.person(`${name.toLowerCase()}${this.#count++}`);
    if (withPod) {
      await kith.connectPod(person.pair);
      await kith.syncNow();
    }
    return { device, kith, person };
  }

  /** another lets one more device of somebody join. */
  async another(one: One, name: string): Promise<One> {
    const device = new Device(name);
    const kith = await device.kith();
    this.#devices = [...this.#devices, device];
    const { link } = await one.kith.linkDevice();
    const joined = kith.joinDevice(link, name);
    await until(async () => {
      await one.kith.syncNow();
      return one.kith.devices().some((each) => each.name === name);
    }, "let the device in");
    await joined;
    await kith.syncNow();
    await one.kith.syncNow();
    return { device, kith, person: one.person };
  }

  /** close closes all phones; others can be made afterwards. */
  async close(): Promise<void> {
    const devices = this.#devices;
    this.#devices = [];
    await Promise.all(devices.map((device) => device.close()));
  }
}

/** befriend makes two people friends; it returns what each calls the other. */
export async function befriend(inviter: One, accepter: One): Promise<readonly [ContactId, ContactId]> {
  const invite = await inviter.kith.createInvite();
  const theirs = await accepter.kith.acceptInvite(invite.link);
  await accepter.kith.syncNow();
  await inviter.kith.syncNow();
  const ours = inviter.kith.friends().find(({ name }) => name === accepter.kith.me()?.name)?.cid;
  if (ours === undefined) throw new Error("befriend: the inviter does not know");
  return [ours, theirs];
}

/** to is the audience of some friends. */
export const to = (...friends: readonly ContactId[]): Audience => ({ kind: "some", circles: [], friends });

/** refOf returns the post that says that, as somebody has it. */
export async function refOf({ kith }: One, text: string): Promise<PostRef> {
  const post = (await kith.feed({ limit: 50 })).posts.find((each) => each.text === text);
  if (post === undefined) throw new Error(`no post ${text}`);
  return post.ref;
}

/** sync lets people exchange with their pods and friends, one after the other. */
export async function sync(...all: readonly One[]): Promise<void> {
  for (const { kith } of all) await kith.syncNow();
}
