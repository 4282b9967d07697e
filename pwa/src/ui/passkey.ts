/**
 * Passkeys: what the browser does with them (WebAuthn 3). Options and answers travel in JSON, with every byte
 * string in base64url; the browser's own conversions are younger than the browsers that Kith runs in.
 */

import { b64u, fromB64u } from "../core/bytes.ts";
import { KithError } from "../core/errors.ts";
import { object, list, string } from "../core/json.ts";
import type { PasskeyJSON } from "../core/kith.ts";

/** Passkeys is the browser's part, as `navigator.credentials` has it. */
export type Passkeys = Pick<CredentialsContainer, "create" | "get">;

/** passkeysOf returns them; undefined where there are none: from a file, or on a plain address that is not this computer. */
export function passkeysOf(page: Window & typeof globalThis): Passkeys | undefined {
  return page.isSecureContext && typeof page.PublicKeyCredential === "function" ? page.navigator.credentials : undefined;
}

/** createPasskey lets the person make a passkey; undefined when they did not. */
export async function createPasskey(passkeys: Passkeys, options: PasskeyJSON): Promise<PasskeyJSON | undefined> {
  const json = optionsIn(options);
  const publicKey = {
    ...json,
    challenge: bytes(json.challenge),
    user: { ...object(json.user), id: bytes(object(json.user)?.["id"]) },
    excludeCredentials: list(json.excludeCredentials).map(descriptor),
  };
  const made = await chosen(passkeys.create({ publicKey: publicKey as unknown as PublicKeyCredentialCreationOptions }));
  const response = made?.response as AuthenticatorAttestationResponse | undefined;
  if (made === undefined || response === undefined) return undefined;
  return credential(made, { attestationObject: written(response.attestationObject), transports: response.getTransports?.() ?? [] });
}

/** showPasskey lets the person show a passkey; undefined when they did not, or have none. */
export async function showPasskey(passkeys: Passkeys, options: PasskeyJSON): Promise<PasskeyJSON | undefined> {
  const json = optionsIn(options);
  const publicKey = { ...json, challenge: bytes(json.challenge), allowCredentials: list(json.allowCredentials).map(descriptor) };
  const shown = await chosen(passkeys.get({ publicKey: publicKey as unknown as PublicKeyCredentialRequestOptions }));
  const response = shown?.response as AuthenticatorAssertionResponse | undefined;
  if (shown === undefined || response === undefined) return undefined;
  const { authenticatorData, signature, userHandle } = response;
  return credential(shown, {
    authenticatorData: written(authenticatorData),
    signature: written(signature),
    ...(userHandle === null ? {} : { userHandle: written(userHandle) }),
  });
}

/** chosen returns what a person chose; whoever closes the browser's sheet has not met a failure (WebAuthn §5.1.3). */
async function chosen(asking: Promise<Credential | null>): Promise<PublicKeyCredential | undefined> {
  try {
    return ((await asking) as PublicKeyCredential | null) ?? undefined;
  } catch (error) {
    if (error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "AbortError")) return undefined;
    throw error;
  }
}

function credential({ id, rawId, type, response, authenticatorAttachment }: PublicKeyCredential, more: PasskeyJSON): PasskeyJSON {
  return {
    id, rawId: written(rawId), type, clientExtensionResults: {},
    response: { clientDataJSON: written(response.clientDataJSON), ...more },
    ...(authenticatorAttachment === null ? {} : { authenticatorAttachment }),
  };
}

/** Options may stand alone or as the member that the browser wants them in. */
function optionsIn(options: PasskeyJSON): PasskeyJSON {
  return object(options.publicKey) ?? options;
}

function descriptor(value: unknown): PasskeyJSON {
  return { ...object(value), id: bytes(object(value)?.["id"]) };
}

function bytes(value: unknown): Uint8Array<ArrayBuffer> {
  const read = fromB64u(string(value) ?? "!");
  if (read === undefined) throw new KithError("pod-refused", "read passkey options: no base64url");
  return read;
}

function written(value: ArrayBuffer): string {
  return b64u(new Uint8Array(value));
}
