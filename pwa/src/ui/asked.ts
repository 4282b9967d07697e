import type { Asked } from "../core/kith.ts";

/** What a person should look at before they allow something. `unchecked`: the name is only what the app said
 * here. `device`: the way back opens an app on the device. `local`: it runs on this computer. `otherHost`: the
 * way back leads to another host than the app's. */
export type Caution = "unchecked" | "device" | "local" | "otherHost";

/** cautionsOf returns what is unusual about who asks and where the answer goes. */
export function cautionsOf(asked: Asked): readonly Caution[] {
  const found: Caution[] = asked.described || asked.name === undefined ? [] : ["unchecked"];
  const { protocol, hostname, host } = new URL(asked.back);
  if (protocol !== "https:" && protocol !== "http:") found.push("device");
  else if (isLocal(hostname)) found.push("local");
  else if (host !== asked.host) found.push("otherHost");
  return found;
}

/** backOf returns what a person would call the place to which the answer goes. */
export function backOf({ back }: Asked): string {
  const { protocol, host } = new URL(back);
  return protocol === "https:" || protocol === "http:" ? host : protocol;
}

/** placeOf returns a URL without its scheme and without the slash at its end. */
export function placeOf(url: string): string {
  return url.replace(/^https?:\/\//, "").replace(/\/$/, "");
}

/** here returns the address from which this page came, in the form of an issuer. */
export function here(page: Window): string {
  return new URL(".", page.location.href).href.replace(/\/$/, "");
}

// RFC 8252 §7.3, RFC 6761 §6.3.
function isLocal(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
