/** The binary frames between a mailbox and its relay (docs/protocol.md, Relays). */

import { b64u, type Bytes, join } from "../bytes.ts";

/** Message is what somebody left in a queue. */
export interface Message {
  /** What the relay calls it, base64url of 16 bytes. */
  readonly id: string;
  /** The first 16 bytes of the SHA-256 of the send id it came by. */
  readonly send: Bytes;
  /** Who sent it waits for the answer. */
  readonly waits: boolean;
  /** When the relay forgets it, in milliseconds since the epoch. */
  readonly expires: number;
  /** The sealed request, or a late answer in a queue for answers. */
  readonly bytes: Bytes;
}

const head = 1 + 16 + 16 + 1 + 8;

/** readMessage reads a frame; undefined when it is another or cut off. */
export function readMessage(frame: Bytes): Message | undefined {
  if (frame[0] !== 1 || frame.length <= head) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset);
  const seconds = view.getBigUint64(34);
  if (seconds >> 40n > 0n) return undefined;
  return {
    id: b64u(frame.subarray(1, 17)),
    send: frame.slice(17, 33),
    waits: (view.getUint8(33) & 1) === 1,
    expires: Number(seconds) * 1000,
    bytes: frame.slice(head),
  };
}

/** replyFrame returns the frame that answers a message; `id` as 16 bytes. */
export function replyFrame(id: Bytes, answer: Bytes): Bytes {
  return join(Uint8Array.of(2), id, answer);
}
