/**
 * Being woken while the app is closed: the push subscription of this browser, as the person's pod and relays are told of it
 * (docs/protocol.md, Relays), and what the service worker then says.
 *
 *     push    PushSubscription, or null once it was turned off
 *     said    Said: the words of the notification, in the person's language
 */

import { b64u, fromB64u, join, type Bytes } from "./bytes.ts";
import type { PushSubscription } from "./relay/mailbox.ts";
import type { Store } from "./store/store.ts";

/** Said is what the notification says: when friends were only answered, and when somebody left something. */
export interface Said {
  readonly title: string;
  readonly answered: string;
  readonly left: string;
}

/** pushSetting holds the subscription. */
export const pushSetting = "push";
/** saidSetting holds the words. */
export const saidSetting = "said";

/** Waker is what is needed of a `PushManager` (Push API §PushManager). */
export interface Waker {
  subscribe(options: { readonly userVisibleOnly: true; readonly applicationServerKey: Bytes }): Promise<{
    toJSON(): { readonly endpoint?: string | undefined; readonly keys?: Readonly<Record<string, string>> | undefined };
    unsubscribe(): Promise<boolean>;
  }>;
  getSubscription(): Promise<{ unsubscribe(): Promise<boolean> } | null>;
}

/** wakes tells whether this browser is woken. */
export function wakes(store: Store): boolean {
  return (store.get(pushSetting) as PushSubscription | null | undefined) != null;
}

/** turnOn subscribes under a key that was made here, and keeps what pod and relays need; false when the browser gave no subscription before
 * `late` resolved. One that has no push service to ask may never answer. */
export async function turnOn(store: Store, waker: Waker, said: Said, late: Promise<void>): Promise<boolean> {
  const { point, scalar } = await vapidKey();
  const asking = subscribe(waker, point);
  const given = await Promise.race([asking, late]);
  // What comes after all is nobody's.
  if (given === undefined) asking.then((subscription) => subscription.unsubscribe()).catch(() => undefined);
  const { endpoint, keys } = given?.toJSON() ?? {};
  const [p256dh, auth] = [keys?.p256dh, keys?.auth];
  if (endpoint === undefined || p256dh === undefined || auth === undefined) return false;
  const push: PushSubscription = { endpoint, p256dh, auth, vapid: scalar };
  await store.apply([{ set: pushSetting, value: push }, { set: saidSetting, value: said }]);
  return true;
}

async function subscribe(waker: Waker, key: Bytes): ReturnType<Waker["subscribe"]> {
  await (await waker.getSubscription())?.unsubscribe();
  return waker.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

/** turnOff ends the subscription; pod and relays are told to forget it. */
export async function turnOff(store: Store, waker: Waker): Promise<void> {
  await (await waker.getSubscription())?.unsubscribe();
  await store.apply([{ set: pushSetting, value: null }]);
}

/** vapidKey makes the key by which the push service knows who may wake this browser (RFC 8292 §2): its public point, 65 bytes, and its private scalar in base64url. */
async function vapidKey(): Promise<{ readonly point: Bytes; readonly scalar: string }> {
  const pair = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"])) as CryptoKeyPair;
  const { x = "", y = "", d = "" } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const [left, right] = [fromB64u(x), fromB64u(y)].map((part) => part ?? new Uint8Array(0));
  return { point: join(Uint8Array.of(4), left ?? new Uint8Array(0), right ?? new Uint8Array(0)), scalar: b64u(fromB64u(d) ?? new Uint8Array(0)) };
}
