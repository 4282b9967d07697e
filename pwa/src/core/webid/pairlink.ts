/** The link by which a pod finds its owner, `#pair=` (docs/protocol.md, Pairing). */

import { b64u, text } from "../bytes.ts";
import { didOf, pointOf } from "./key.ts";
import { badLink, isWebId, linkBytes, type Pairing, partsOf, podUrl, reading, relayWay } from "./link.ts";
import { maxReach, sendBytes } from "./way.ts";

/**
 * readPairing reads a pairing link:
 *
 *     0x01 | secret 16 | length 1, URL of the pod | count 1 ≤ 8 | where there are relays: ik 33 | each: send 24 | length 1, URL of the relay
 */
export function readPairing(link: string): Pairing {
  return reading(() => {
    const { next, counted, number, end } = partsOf(linkBytes(link, "pair"));
    if (number() !== 1) throw badLink("it is of a newer version");
    const secret = b64u(next(16));
    const pod = podUrl(text(counted(255)));
    const issuer = pod.replace(/\/[^/]+\/$/, "");
    const count = number();
    if (count > maxReach || !isWebId(issuer)) throw badLink("it names no pod, or too many relays");
    const ik = count === 0 ? {} : { ik: didOf(next(33)) };
    if (ik.ik !== undefined) pointOf(ik.ik);
    const via = Array.from({ length: count }, () => {
      const send = b64u(next(sendBytes));
      return relayWay(text(counted(255)), send);
    });
    end();
    return { pod, issuer, secret, via, ...ik };
  });
}
