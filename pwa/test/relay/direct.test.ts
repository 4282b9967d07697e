import { describe, expect, it } from "vitest";
import { type Bytes, join, utf8 } from "../../src/core/bytes.ts";
import { type Channel, Conversation, describes, type Serve } from "../../src/core/relay/direct.ts";
import { Clock } from "./clock.ts";

/** Pipe is the platform's end of a channel, whose other end the test holds. */
class Pipe implements Channel {
  readonly sent: Bytes[] = [];
  closed = false;
  held = 0;

  send(frame: Bytes): void {
    this.sent.push(frame);
  }

  waiting(): number {
    return this.held;
  }

  close(): void {
    this.closed = true;
  }
}

const silent: Serve = async () => undefined;

function conversation(serve: Serve = silent) {
  const clock = new Clock();
  const pipe = new Pipe();
  let ended = 0;
  const talk = new Conversation({ after: clock.after }, serve, () => ended++);
  talk.over(pipe);
  return { clock, pipe, talk, ended: () => ended };
}

/** frame is a piece of a message: kind, number, length of the whole, bytes. */
function frame(kind: number, number: number, length: number, piece: Bytes): Bytes {
  const head = new Uint8Array(9);
  head[0] = kind;
  new DataView(head.buffer).setUint32(1, number);
  new DataView(head.buffer).setUint32(5, length);
  return join(head, piece);
}

describe("a conversation", () => {
  it("asks in pieces of 16 KiB and takes the answer in pieces", async () => {
    const { talk, pipe } = conversation();
    talk.events.opened();
    const message = new Uint8Array(40_000).map((_, i) => i);
    const asked = talk.ask(message);
    await expect.poll(() => pipe.sent.length).toBe(3);
    expect(pipe.sent.map(({ length }) => length)).toEqual([16_393, 16_393, 7_241]);
    expect(join(...pipe.sent.map((each) => each.subarray(9)))).toEqual(message);
    talk.events.heard(frame(2, 1, 6, utf8("ans")));
    talk.events.heard(frame(2, 1, 6, utf8("wer")));
    expect(await asked).toEqual(utf8("answer"));
  });

  it("answers what it is asked, and says when there is no answer", async () => {
    const { talk, pipe } = conversation(async (message) => (message[0] === 0 ? undefined : join(utf8("re "), message)));
    talk.events.opened();
    talk.events.heard(frame(1, 7, 5, utf8("hello")));
    talk.events.heard(frame(1, 8, 1, new Uint8Array(1)));
    await expect.poll(() => pipe.sent.length).toBe(2);
    expect(pipe.sent).toEqual([frame(2, 7, 8, utf8("re hello")), frame(3, 8, 0, new Uint8Array(0))]);
  });

  it("knows at once that there is no answer", async () => {
    const { talk, pipe } = conversation();
    talk.events.opened();
    const asked = talk.ask(utf8("?"));
    await expect.poll(() => pipe.sent.length).toBe(1);
    talk.events.heard(frame(3, 1, 0, new Uint8Array(0)));
    expect(await asked).toBeUndefined();
  });

  it("answers eight at a time and declines what is more", async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { talk, pipe } = conversation(async (message) => gate.then(() => message));
    talk.events.opened();
    for (let i = 1; i <= 20; i++) talk.events.heard(frame(1, i, 1, Uint8Array.of(i)));
    await expect.poll(() => pipe.sent.length).toBe(12);
    expect(pipe.sent.every(([kind]) => kind === 3)).toBe(true);
    release();
    await expect.poll(() => pipe.sent.filter(([kind]) => kind === 2).length).toBe(8);
  });

  it.each([
    ["an unknown kind", [frame(4, 1, 1, Uint8Array.of(1))]],
    ["half a head", [new Uint8Array(8)]],
    ["a message beyond the bound", [frame(1, 1, (17 << 16) + 1, new Uint8Array(10))]],
    ["more than was announced", [frame(1, 1, 5, new Uint8Array(6))]],
    ["pieces of two messages among each other", [frame(1, 1, 9, new Uint8Array(3)), frame(1, 2, 9, new Uint8Array(3))]],
    ["a length that changes", [frame(1, 1, 9, new Uint8Array(3)), frame(1, 1, 8, new Uint8Array(3))]],
    ["pieces without end and without bytes", [frame(1, 1, 9, new Uint8Array(0))]],
  ])("ends when it hears %s", (_, frames) => {
    const { talk, pipe, ended } = conversation();
    talk.events.opened();
    for (const each of frames) talk.events.heard(each);
    expect([pipe.closed, ended()]).toEqual([true, 1]);
  });

  it("leaves an answer alone that nobody asked for", () => {
    const { talk, pipe } = conversation();
    talk.events.opened();
    talk.events.heard(frame(2, 9, 1, new Uint8Array(1)));
    expect(pipe.closed).toBe(false);
  });

  it("ends when it does not open, when it is not used, and once", async () => {
    const never = conversation();
    never.clock.go(15_000);
    expect([never.pipe.closed, await never.talk.opened, await never.talk.ask(utf8("?"))]).toEqual([true, false, undefined]);
    const idle = conversation();
    idle.talk.events.opened();
    idle.clock.go(119_000);
    idle.talk.events.heard(frame(2, 1, 1, new Uint8Array(1)));
    idle.clock.go(119_000);
    expect(idle.pipe.closed).toBe(false);
    idle.clock.go(1_000);
    idle.talk.close();
    expect([idle.pipe.closed, idle.ended()]).toEqual([true, 1]);
  });

  it("ends when an answer does not come, and what was asked gets none", async () => {
    const { talk, pipe, clock } = conversation();
    talk.events.opened();
    const asked = [talk.ask(utf8("?")), talk.ask(utf8("?"))];
    await expect.poll(() => pipe.sent.length).toBe(2);
    clock.go(29_000);
    expect(pipe.closed).toBe(false);
    clock.go(1_000);
    expect([await Promise.all(asked), pipe.closed]).toEqual([[undefined, undefined], true]);
  });

  it("gives nothing to who asked when the other side ends it", async () => {
    const { talk, pipe } = conversation();
    talk.events.opened();
    const asked = talk.ask(utf8("?"));
    await expect.poll(() => pipe.sent.length).toBe(1);
    talk.events.ended();
    expect(await asked).toBeUndefined();
  });

  it("sends no faster than the channel takes it", async () => {
    const { talk, pipe } = conversation();
    talk.events.opened();
    pipe.held = 1 << 20;
    void talk.ask(new Uint8Array(40_000));
    await Promise.resolve();
    expect(pipe.sent).toHaveLength(0);
    await new Promise<void>((resolve) => queueMicrotask(resolve));
    pipe.held = 0;
    await expect.poll(() => {
      talk.events.drained();
      return pipe.sent.length;
    }).toBe(3);
  });
});

const sdp = (...lines: string[]): string => ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", ...lines].join("\r\n");

describe("a description", () => {
  const candidate = (n: number): string => `a=candidate:${n} 1 udp 2122260223 192.168.0.${n} 4000 typ host`;

  it("is of a data channel, with a few addresses", () => {
    expect(describes(sdp(candidate(1), candidate(2)))).toBe(true);
    expect(describes(sdp())).toBe(true);
  });

  it.each([
    ["nothing", ""],
    ["a camera besides", sdp("m=video 9 UDP/TLS/RTP/SAVPF 96")],
    ["a camera alone", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96"],
    ["a network to be searched", sdp(...Array.from({ length: 33 }, (_, n) => candidate(n)))],
    ["a book", sdp("a=x:".padEnd(20_000, "x"))],
  ])("is not %s", (_, text) => {
    expect(describes(text)).toBe(false);
  });
});
