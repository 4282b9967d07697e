/** Two people with devices, for tests of what one asks of the other. */

import { type Bytes, sha256 } from "../../src/core/bytes.ts";
import type { Pair } from "../../src/core/sealed/pair.ts";
import { type Declined, type Opened, type Opener, openRequest, type Sealing, sealRequest, type SealedRequest } from "../../src/core/sealed/request.ts";
import { generate, type Label, labelOf, type Signer } from "../../src/core/webid/key.ts";

export const now = Date.parse("2026-11-22T20:00:00.750Z");
export const random = (count: number): Bytes => crypto.getRandomValues(new Uint8Array(count));
export const env = { now: () => now, random };

/** asking returns a request for the door, or what is said otherwise. */
export function asking(more: Partial<SealedRequest> = {}): SealedRequest {
  return { method: "GET", path: "/social/door", headers: new Headers(), body: new Uint8Array(0), ...more };
}

/** Friends are an author whose device answers, and a reader whose device asks. */
export interface Friends {
  readonly label: Label;
  readonly own: Signer;
  readonly device: Signer;
  readonly reader: { readonly label: Label; readonly agree: Signer; readonly salt: Bytes };
  /** What the reader seals with. */
  readonly sealing: Sealing;
  /** What the author opens with. */
  readonly opener: Opener<Pair>;
}

export async function friends(): Promise<Friends> {
  const [person, device, own, other, agree] = await Promise.all([generate("sign"), generate("sign"), generate("agree"), generate("sign"), generate("agree")]);
  const [label, theirs, salt] = [await labelOf(person.kid), await labelOf(other.kid), await sha256("salt")];
  return {
    label,
    own,
    device,
    reader: { label: theirs, agree, salt },
    sealing: { to: [{ key: own.kid, device: device.kid }], from: { label: theirs, kid: "2026-47", key: agree.key, salt }, label, request: asking() },
    opener: {
      now: env.now,
      label,
      keys: [own],
      find: async (of, kid) => (of === theirs && kid === "2026-47" ? { key: agree.kid, salt } : undefined),
    },
  };
}

/** opened returns what was opened; throws when it was declined. */
export function opened<P extends Pair>(result: Opened<P> | Declined): Opened<P> {
  if ("declined" in result) throw new Error(`declined: ${result.declined}`);
  return result;
}

/** verdict returns why a message is declined, or `success`. */
export async function verdict(opener: Opener<Pair>, message: Bytes): Promise<string> {
  const result = await openRequest(opener, message);
  return "declined" in result ? result.declined : "success";
}

/** sealed returns the message of a sealing. */
export async function sealed(sealing: Sealing): Promise<Bytes> {
  return (await sealRequest(env, sealing)).message;
}

/** flipped returns bytes of which one bit is another. */
export function flipped(bytes: Bytes, at: number): Bytes {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
  return changed;
}
