import { describe, expect, it } from "vitest";
import { b64u, type Bytes, join } from "../../src/core/bytes.ts";
import type { Net } from "../../src/core/relay/client.ts";
import type { Message } from "../../src/core/relay/frames.ts";
import { Mailbox, type MailboxState } from "../../src/core/relay/mailbox.ts";
import { pollLine } from "../../src/core/relay/poll.ts";
import { Clock } from "./clock.ts";

/** Wire is the platform's end of a connection: what a browser gives as a WebSocket, for the test to open, fill and cut. */
class Wire {
  readonly OPEN = 1;
  readyState = 0;
  binaryType = "blob";
  onopen: () => void = () => undefined;
  onmessage: (event: { data: unknown }) => void = () => undefined;
  onclose: () => void = () => undefined;
  onerror: () => void = () => undefined;
  readonly sent: (string | Bytes)[] = [];
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  send(frame: string | Bytes): void {
    this.sent.push(frame);
  }

  open(): void {
    this.readyState = 1;
    this.onopen();
  }

  hear(frame: object | Bytes): void {
    this.onmessage({ data: frame instanceof Uint8Array ? frame.buffer : JSON.stringify(frame) });
  }

  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose();
  }
}

const relay = "https://relay.example/r/";
const token = new Uint8Array(32).fill(7);

function world(fetch: Net["fetch"] = () => Promise.reject(new TypeError("no network"))) {
  const clock = new Clock();
  const wires: Wire[] = [];
  const states: MailboxState[] = [];
  const messages: Message[] = [];
  const told: unknown[] = [];
  const net: Net = {
    now: () => clock.now,
    random: (count) => new Uint8Array(count).fill(255),
    after: clock.after,
    fetch,
    socket: (url, protocol) => {
      const wire = new Wire(`${url} ${protocol}`);
      wires.push(wire);
      return wire as unknown as WebSocket;
    },
  };
  const mailbox = new Mailbox(net, relay, [{ queue: "q1", token }], {
    message: (message) => messages.push(message),
    state: (state) => states.push(state),
    subscribed: (queue, waiting) => told.push([queue, waiting]),
    refused: (queue) => told.push(queue),
  }, pollLine);
  const wire = (): Wire => wires.at(-1) as Wire;
  /** up is a connection on which the queue is read. */
  const up = (): Wire => {
    wire().open();
    wire().hear({ sub: "q1", waiting: 2 });
    return wire();
  };
  return { clock, wires, states, messages, told, mailbox, wire, up };
}

const id = b64u(new Uint8Array(16).fill(3));
const sent = (wire: Wire): unknown[] => wire.sent.map((frame) => (typeof frame === "string" ? JSON.parse(frame) : frame));

describe("a mailbox", () => {
  it("reads its queue, claims, answers and acknowledges", async () => {
    const { mailbox, up, told, messages, wires } = world();
    mailbox.start();
    expect(wires[0]?.url).toBe("wss://relay.example/r/ws kith.relay.1");
    const wire = up();
    expect(sent(wire)).toEqual([{ sub: "q1", token: b64u(token) }]);
    expect(told).toEqual([["q1", 2]]);
    wire.hear(join(Uint8Array.of(1), new Uint8Array(16).fill(3), new Uint8Array(16).fill(4), Uint8Array.of(1, 0, 0, 0, 0, 0x69, 0, 0, 0), new Uint8Array(5).fill(9)));
    expect(messages).toEqual([{ id, send: new Uint8Array(16).fill(4), waits: true, expires: 0x69000000 * 1000, bytes: new Uint8Array(5).fill(9) }]);
    const steps = [
      [() => mailbox.claim(id), { claimed: id }, true],
      [() => mailbox.claim(id), { taken: id }, false],
      [() => mailbox.reply(id, new Uint8Array(3)), { replied: id }, true],
      [() => mailbox.reply(id, new Uint8Array(3)), { gone: id }, false],
      [() => mailbox.ack(id), { acked: id }, true],
    ] as const;
    for (const [ask, answer, result] of steps) {
      const asked = ask();
      wire.hear(answer);
      expect(await asked).toBe(result);
    }
    expect(wire.sent[3]).toEqual(join(Uint8Array.of(2), new Uint8Array(16).fill(3), new Uint8Array(3)));
    mailbox.decline(id);
    mailbox.release(id);
    expect(sent(wire).slice(-2)).toEqual([{ decline: id }, { release: id }]);
    mailbox.stop();
  });

  it("connects anew for what it released, after pauses that grow until something is done with", async () => {
    const { mailbox, up, wires, clock } = world();
    mailbox.start();
    const again = async (pause: number): Promise<void> => {
      const [wire, before] = [up(), wires.length];
      mailbox.release(id);
      mailbox.release(id);
      clock.go(pause - 1);
      expect(wires.length).toBe(before);
      clock.go(1);
      expect(wires.length).toBe(before + 1);
      expect(wire.readyState).toBe(3);
    };
    await again(10_000);
    await again(40_000);
    const wire = up();
    const acked = mailbox.ack(id);
    wire.hear({ acked: id });
    expect(await acked).toBe(true);
    await again(10_000);
    mailbox.stop();
  });

  it("answers each change of a queue by its own number", async () => {
    const { mailbox, up } = world();
    mailbox.start();
    const wire = up();
    const [one, two] = [mailbox.change("q1", { op: "send.add", sends: [new Uint8Array(24)] }), mailbox.change("q1", { op: "delete" })];
    await expect.poll(() => wire.sent.length).toBe(3);
    const numbers = Object.fromEntries(sent(wire).slice(1).map((each) => [(each as { op: string }).op, (each as { do: number }).do]));
    wire.hear({ failed: numbers["delete"], why: "malformed" });
    wire.hear({ done: numbers["send.add"] });
    expect(await Promise.all([one, two])).toEqual([true, false]);
    mailbox.stop();
  });

  it("names the sends of many friends a part at a time", async () => {
    const { mailbox, up } = world();
    mailbox.start();
    const wire = up();
    const changed = mailbox.change("q1", { op: "send.add", sends: Array.from({ length: 600 }, (_, i) => new Uint8Array(24).fill(i)) });
    for (let part = 1; part <= 3; part++) {
      await expect.poll(() => wire.sent.length).toBe(1 + part);
      wire.hear({ done: part });
    }
    expect(await changed).toBe(true);
    expect(sent(wire).slice(1).map((each) => (each as { hashes: string[] }).hashes.length)).toEqual([256, 256, 88]);
    mailbox.stop();
  });

  it("connects again, after pauses that grow and end at five minutes, every third time by polling", async () => {
    const { mailbox, clock, wire, up, states, wires } = world();
    mailbox.start();
    up().close();
    const pauses: number[] = [];
    for (let i = 0; i < 12; i++) {
      pauses.push(Math.round(clock.next / 1000));
      clock.go(clock.next);
      if (wire().readyState === 0) wire().close();
      await expect.poll(() => states.at(-1)).toBe("lost");
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 299, 299, 299]);
    expect([wires.length, states.filter((state) => state === "polling").length]).toEqual([9, 4]);
    mailbox.stop();
    clock.go(10_000_000);
    expect([wires.length, states.at(-1)]).toEqual([9, "stopped"]);
  });

  it("polls where no WebSocket opens, and tries one again after ten minutes", async () => {
    const asked: string[] = [];
    const { mailbox, clock, wire, told, wires, messages } = world(async (url, { method, headers }) => {
      asked.push(`${method} ${url} ${(headers as Record<string, string>)["Authorization"]}`);
      if (method === "POST") return Response.json({ claimed: id });
      if (asked.length > 1) return new Promise(() => undefined);
      const frame = join(Uint8Array.of(1), new Uint8Array(16).fill(3), new Uint8Array(16), new Uint8Array(9), new Uint8Array(5).fill(9));
      return new Response(join(Uint8Array.of(0, 0, 0, frame.length), frame));
    });
    mailbox.start();
    wire().close();
    clock.go(clock.next);
    wire().close();
    clock.go(clock.next);
    await expect.poll(() => messages.length).toBe(1);
    expect([mailbox.state, told]).toEqual(["polling", [["q1", 1]]]);
    expect(await mailbox.claim(id)).toBe(true);
    const bearer = `Bearer ${b64u(token)}`;
    expect(asked).toEqual([`GET ${relay}q/q1?wait=0 ${bearer}`, `GET ${relay}q/q1?wait=25 ${bearer}`, `POST ${relay}q/q1 ${bearer}`]);
    expect(wires).toHaveLength(2);
    clock.go(600_000);
    expect([wires.length, mailbox.state]).toEqual([3, "connecting"]);
    mailbox.stop();
  });

  it("tries at once when it is woken, and only then", () => {
    const { mailbox, up, wires } = world();
    mailbox.start();
    mailbox.wake();
    expect(wires).toHaveLength(1);
    up().close();
    mailbox.wake();
    expect(wires).toHaveLength(2);
    mailbox.stop();
  });

  it("answers with false what was asked over a connection that is lost", async () => {
    const { mailbox, up } = world();
    mailbox.start();
    const wire = up();
    const asked = [mailbox.claim(id), mailbox.reply("AAAAAAAAAAAAAAAAAAAAAA", new Uint8Array(1))];
    wire.close();
    expect(await Promise.all(asked)).toEqual([false, false]);
    expect(await mailbox.ack(id)).toBe(false);
    mailbox.stop();
  });

  it("sees that a connection is dead by the missing answer to a sign of life", async () => {
    const { mailbox, clock, up, states } = world();
    mailbox.start();
    const wire = up();
    clock.go(50_000);
    expect(sent(wire).at(-1)).toEqual({ ping: 1 });
    wire.hear({ pong: 1 });
    await Promise.resolve().then(() => undefined);
    clock.go(50_000);
    expect(sent(wire).at(-1)).toEqual({ ping: 2 });
    expect(states.at(-1)).toBe("open");
    clock.go(20_000);
    expect([states.at(-1), wire.readyState]).toEqual(["lost", 3]);
    mailbox.stop();
  });

  it("looks at once whether its connection still lives when it is woken", async () => {
    const { mailbox, clock, up, states } = world();
    mailbox.start();
    const wire = up();
    mailbox.wake();
    expect(sent(wire).at(-1)).toEqual({ ping: 1 });
    wire.hear({ pong: 1 });
    await Promise.resolve().then(() => undefined);
    clock.go(49_000);
    expect(sent(wire).at(-1)).toEqual({ ping: 1 });
    mailbox.wake();
    clock.go(5_000);
    expect([states.at(-1), wire.readyState]).toEqual(["lost", 3]);
    mailbox.stop();
  });

  it("gives a relay that it polls the time that it asks for, and keeps the line", async () => {
    const posted: string[] = [];
    const { mailbox, clock, wire, messages } = world(async (url, { method, body }) => {
      const frame = join(Uint8Array.of(1), new Uint8Array(16).fill(3), new Uint8Array(26));
      if (method === "GET") return url.endsWith("wait=0") ? new Response(join(Uint8Array.of(0, 0, 0, frame.length), frame)) : new Promise(() => undefined);
      posted.push(new TextDecoder().decode(body as Bytes));
      return posted.length === 1 ? new Response("", { status: 429, headers: { "Retry-After": "2" } }) : Response.json({ claimed: id });
    });
    mailbox.start();
    for (let i = 0; i < 2; i++) {
      wire().close();
      clock.go(clock.next);
    }
    await expect.poll(() => messages.length).toBe(1);
    const claimed = mailbox.claim(id);
    await expect.poll(() => clock.next).toBe(2_000);
    clock.go(2_000);
    expect(await claimed).toBe(true);
    expect([mailbox.state, ...posted]).toEqual(["polling", JSON.stringify({ claim: id }), JSON.stringify({ claim: id })]);
    mailbox.stop();
  });

  it("gives a connection up that does not open", () => {
    const { mailbox, clock, wire, states } = world();
    mailbox.start();
    clock.go(15_000);
    expect([states.at(-1), wire().readyState]).toEqual(["lost", 3]);
    mailbox.stop();
  });

  it("tells of a queue that it may not read, and asks for it again on the same connection", () => {
    const { mailbox, clock, wire, told } = world();
    mailbox.start();
    wire().open();
    wire().hear({ refused: "q1" });
    expect(told).toEqual(["q1"]);
    const asked = (): number => wire().sent.filter((frame) => typeof frame === "string" && frame.includes('"sub"')).length;
    expect(asked()).toBe(1);
    clock.go(10_000);
    expect(asked()).toBe(2);
    mailbox.stop();
  });

  it.each([[{}], [[]], [{ sub: 3 }], [{ claimed: 7 }], [{ done: "x" }], [{ pong: {} }], [Uint8Array.of(1, 2, 3)], [Uint8Array.of(9)], [new Uint8Array(0)]])("takes no harm from %j", (frame) => {
    const { mailbox, up, messages, states } = world();
    mailbox.start();
    up().hear(frame);
    expect([messages.length, states.at(-1)]).toEqual([0, "open"]);
    mailbox.stop();
  });
});
