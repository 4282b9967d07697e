/** The link by which another device joins a person, `#device=` (docs/protocol.md, Pairing). */

import { fromBase32, utf8 } from "../bytes.ts";
import type { Label } from "./key.ts";
import { badLink, linkBytes, makeLink, type Pairing, reading, readPodWay, secretly } from "./link.ts";
import { parseObject, textOf } from "./members.ts";

/** Where the pod of a person is who lets another device in through it. */
export type PodLink = Pick<Pairing, "pod" | "issuer">;

/** What a device link says: a person lets another device in, through their pod or, where there is none, by relays at which the device that made it
 * answers. The secret works once. */
export type Joining = Pick<Pairing, "secret" | "via" | "ik"> & (PodLink | object) & {
  readonly label: Label;
  /** The person's name, to show before anything is sent. */
  readonly name: string;
};

/** readJoining reads a device link. */
export function readJoining(link: string): Joining {
  return reading(() => {
    const json = parseObject(linkBytes(link, "device"));
    const label = textOf(json, "label", 52);
    if (fromBase32(label)?.length !== 32) throw badLink("it names no person");
    const way = "pod" in json ? { ...readPodWay(json), ...secretly(json) } : secretly(json);
    if (!("pod" in way) && way.ik === undefined) throw badLink("it leads nowhere");
    return { ...way, label: label as Label, name: textOf(json, "name", 160) };
  });
}

/** makeJoining returns the device link of these facts. */
export function makeJoining(base: string, { secret, label, name, via, ik, ...rest }: Joining): string {
  const pod = "pod" in rest ? { pod: rest.pod, issuer: rest.issuer } : {};
  const sealed = via.length === 0 ? {} : { via, ik };
  return makeLink(base, "device", utf8(JSON.stringify({ v: 1, ...pod, label, secret, name, ...sealed })));
}

