// Direct connections on a page of their own; the test calls what is put on the window here, and carries offers and answers.

import { b64u, type Bytes, fromB64u, join, utf8 } from "../../src/core/bytes.ts";
import { Directs } from "../../src/core/relay/directs.ts";
import { connecting } from "../../src/ui/connecting.ts";

const env = {
  now: Date.now,
  after: (milliseconds: number, run: () => void) => {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};

const made = connecting();
if (made === undefined) throw new Error("start: no WebRTC");

/** Every message is answered with its own bytes behind a mark; one that begins with a zero gets no answer. */
const served: number[] = [];
const directs = new Directs(env, made, async (message) => {
  served.push(message.length);
  return message[0] === 0 ? undefined : join(utf8("answer "), message);
});

function decoded(written: string): Bytes {
  const bytes = fromB64u(written);
  if (bytes === undefined) throw new Error("read argument: no base64url");
  return bytes;
}

declare const carry: (offer: string) => Promise<string | undefined>;

const tools = {
  served,
  connect: () => directs.connect("friend", (offer) => carry(offer)),
  answer: (offer: string) => directs.answer("friend", offer),
  async ask(written: string): Promise<string | undefined> {
    const answer = await directs.ask("friend", decoded(written));
    return answer && b64u(answer);
  },
  /** Asks with a message of so many random bytes, and tells whether the answer is the one to it. */
  async echo(length: number): Promise<boolean> {
    const message = new Uint8Array(length);
    for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(message.subarray(at, at + 65_536));
    message[0] = 1;
    const answer = await directs.ask("friend", message);
    return answer !== undefined && b64u(answer) === b64u(join(utf8("answer "), message));
  },
  forget: () => directs.keep(() => false),
};

declare global {
  interface Window {
    tools: typeof tools;
  }
}
window.tools = tools;

export type Tools = typeof tools;
