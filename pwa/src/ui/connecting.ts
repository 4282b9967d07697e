/**
 * Direct connections as a browser makes them (WebRTC), for core/relay/direct.ts.
 *
 * No server helps them: none is asked which address this device has outside, so devices meet in one network, or where one of them has
 * a public address (IPv6). A description carries all its candidates, so one exchange is enough.
 */

import type { Channel, ChannelEvents, Connecting } from "../core/relay/direct.ts";

/** Milliseconds that finding own addresses may take. */
const patience = 2_000;
/** With less waiting than this a channel takes more to send, in bytes. */
const lowWater = 64 << 10;

/** connecting makes connections with the platform's means; undefined where it has none. */
export function connecting(): Connecting | undefined {
  if (typeof RTCPeerConnection === "undefined") return undefined;
  return {
    async offer(events) {
      const peer = new RTCPeerConnection();
      const channel = channelOf(peer, peer.createDataChannel("kith"), events);
      return { channel, offer: await described(peer), accept: (sdp) => peer.setRemoteDescription({ type: "answer", sdp }) };
    },
    async answer(sdp, events) {
      const peer = new RTCPeerConnection();
      try {
        let channel: Channel | undefined;
        peer.ondatachannel = ({ channel: found }) => (channel ??= channelOf(peer, found, events));
        await peer.setRemoteDescription({ type: "offer", sdp });
        const later: Channel = {
          send: (frame) => channel?.send(frame),
          waiting: () => channel?.waiting() ?? 0,
          close: () => (channel ?? peer).close(),
        };
        return { channel: later, answer: await described(peer) };
      } catch (error) {
        peer.close();
        throw error;
      }
    },
  };
}

/** described returns this side's description with the addresses that were found. */
async function described(peer: RTCPeerConnection): Promise<string> {
  await peer.setLocalDescription();
  if (peer.iceGatheringState !== "complete") {
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, patience);
      peer.onicegatheringstatechange = () => {
        if (peer.iceGatheringState !== "complete") return;
        clearTimeout(late);
        resolve();
      };
    });
  }
  return peer.localDescription?.sdp ?? "";
}

function channelOf(peer: RTCPeerConnection, channel: RTCDataChannel, { opened, heard, drained, ended }: ChannelEvents): Channel {
  let begun = false;
  let over = false;
  const begin = (): void => {
    if (!begun) opened();
    begun = true;
  };
  const end = (): void => {
    if (over) return;
    over = true;
    peer.close();
    ended();
  };
  channel.binaryType = "arraybuffer";
  channel.bufferedAmountLowThreshold = lowWater;
  channel.onopen = begin;
  channel.onmessage = ({ data }) => (data instanceof ArrayBuffer ? heard(new Uint8Array(data)) : end());
  channel.onbufferedamountlow = drained;
  channel.onclose = channel.onerror = end;
  peer.onconnectionstatechange = () => peer.connectionState === "failed" && end();
  // One that the other side made may be open already, and some platforms say so again.
  if (channel.readyState === "open") begin();
  return { send: (frame) => channel.readyState === "open" && channel.send(frame), waiting: () => channel.bufferedAmount, close: end };
}
