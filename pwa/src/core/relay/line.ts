/** A line to a relay: text and binary frames in both directions, over a WebSocket. */

import type { Bytes } from "../bytes.ts";
import type { Net } from "./client.ts";
import type { Subscription } from "./mailbox.ts";

/** Line carries frames to the relay until it is closed. */
export interface Line {
  readonly send: (frame: string | Bytes) => void;
  readonly close: () => void;
}

/** LineEvents is what a line tells. */
export interface LineEvents {
  readonly opened: () => void;
  readonly heard: (frame: string | Bytes) => void;
  /** It failed, or the relay ended it. */
  readonly ended: () => void;
}

/** OpenLine opens a line; it tells nothing before it has returned. */
export type OpenLine = (net: Net, url: string, subscriptions: readonly Subscription[], events: LineEvents) => Line;

const protocol = "kith.relay.1";
/** Milliseconds until a connection must be there. */
const patience = 15_000;

/** socketLine opens a WebSocket. */
export const socketLine: OpenLine = (net, url, _subscriptions, { opened, heard, ended }) => {
  const socket = net.socket(`${url.replace(/^http/, "ws")}ws`, protocol);
  socket.binaryType = "arraybuffer";
  const late = net.after(patience, () => socket.close());
  socket.onopen = () => {
    late();
    opened();
  };
  socket.onmessage = ({ data }) => heard(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
  // Not every platform tells of the end of a connection that never was.
  socket.onclose = socket.onerror = () => {
    late();
    ended();
  };
  return { send: (frame) => socket.readyState === socket.OPEN && socket.send(frame), close: () => socket.close() };
};
