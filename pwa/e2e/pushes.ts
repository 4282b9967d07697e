/** A push service for tests: it takes what RFC 8030 lets a sender send, and checks it as a real one and a browser would. */

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type Bytes, fromB64u, join, utf8 } from "../src/core/bytes.ts";

/** Pushed is one push: who proved to be its sender, and what was in it. */
export interface Pushed {
  /** The public key of the VAPID header, whose signature holds (RFC 8292 §3). */
  readonly by: string;
  readonly claims: { readonly aud: string; readonly exp: number };
  /** The content, without padding (RFC 8291 §4). */
  readonly content: Bytes;
}

/** PushService is one on the loopback, with one subscription. */
export interface PushService {
  /** Its host and port. */
  readonly host: string;
  /** What a browser says of the subscription. */
  readonly subscription: { readonly endpoint: string; readonly keys: { readonly p256dh: string; readonly auth: string } };
  /** What came; a push that does not hold is an error. */
  readonly came: readonly (Pushed | Error)[];
  close(): void;
}

const encoded = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

/** openPushService starts one. */
export async function openPushService(): Promise<PushService> {
  const device = (await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"])) as CryptoKeyPair;
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", device.publicKey));
  const auth = crypto.getRandomValues(new Uint8Array(16));
  const came: (Pushed | Error)[] = [];
  const server = createServer((request, response) => {
    pushed(request, device.privateKey, point, auth).then(
      (push) => (came.push(push), response.writeHead(201).end()),
      (error: unknown) => (came.push(error instanceof Error ? error : new Error(String(error))), response.writeHead(400).end()),
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const subscription = { endpoint: `http://${host}/push/one`, keys: { p256dh: encoded(point), auth: encoded(auth) } };
  return { host, subscription, came, close: () => (server.closeAllConnections(), void server.close()) };
}

async function pushed(request: IncomingMessage, key: CryptoKey, point: Bytes, auth: Bytes): Promise<Pushed> {
  const { method, headers } = request;
  const parts: Bytes[] = [];
  for await (const part of request) parts.push(new Uint8Array(part as Buffer));
  if (method !== "POST" || headers["content-encoding"] !== "aes128gcm" || headers.ttl === undefined) throw new Error(`push: ${method} ${JSON.stringify(headers)}`);
  return { ...(await proven(headers.authorization ?? "")), content: await opened(join(...parts), key, point, auth) };
}

/** proven checks the header by which the sender shows who it is (RFC 8292 §2, §3). */
async function proven(header: string): Promise<Omit<Pushed, "content">> {
  const [, head = "", body = "", signature = "", by = ""] = /^vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), k=([\w-]+)$/.exec(header) ?? [];
  const public_ = await crypto.subtle.importKey("raw", fromB64u(by) ?? utf8(""), { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  const holds = await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, public_, fromB64u(signature) ?? utf8(""), utf8(`${head}.${body}`));
  if (!holds || JSON.parse(Buffer.from(head, "base64url").toString()).alg !== "ES256") throw new Error("push: the VAPID header does not hold");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as Pushed["claims"];
  const left = claims.exp - Date.now() / 1000;
  if (!(left > 0 && left <= 86_400)) throw new Error("push: the VAPID header is good for longer than a day, or no more");
  return { by, claims };
}

/** opened decrypts a push as a browser does (RFC 8291 §3.4, RFC 8188 §2). */
async function opened(body: Bytes, key: CryptoKey, point: Bytes, auth: Bytes): Promise<Bytes> {
  const [salt, sender, record] = [body.slice(0, 16), body.slice(21, 86), body.slice(86)];
  const far = await crypto.subtle.importKey("raw", sender, { name: "ECDH", namedCurve: "P-256" }, false, []);
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: far }, key, 256));
  const secret = await hkdf(shared, auth, join(utf8("WebPush: info\0"), point, sender), 32);
  const content = await crypto.subtle.importKey("raw", await hkdf(secret, salt, utf8("Content-Encoding: aes128gcm\0"), 16), "AES-GCM", false, ["decrypt"]);
  const iv = await hkdf(secret, salt, utf8("Content-Encoding: nonce\0"), 12);
  const plain = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, content, record));
  const end = plain.findLastIndex((byte) => byte !== 0);
  if (plain[end] !== 2) throw new Error("push: it is not one whole record");
  return plain.slice(0, end);
}

async function hkdf(secret: Bytes, salt: Bytes, info: Bytes, length: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, length * 8));
}
