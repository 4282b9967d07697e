import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Env } from "../../src/core/env.ts";
import { PodClient as Client } from "../../src/core/ldp/client.ts";
import { codeOf, retryAfter } from "../../src/core/ldp/errors.ts";
import { generate, type Signer } from "../../src/core/webid/key.ts";
import { memoryKeyRecords } from "../../src/core/webid/records.ts";

// A pod that misbehaves in ways in which ours does not: it answers what the test says.
let server: Server;
let base: string;
let signer: Signer;
let asked: { readonly path: string; readonly proof: Record<string, unknown>; readonly form: URLSearchParams }[];
let token: (res: ServerResponse, n: number) => void;
let resource: (res: ServerResponse, n: number) => void;
let ahead: number;

const granted = (res: ServerResponse): void => void res.end(JSON.stringify({ access_token: `t${asked.length}`, token_type: "DPoP", expires_in: 300 }));
const payload = (jwt: string): Record<string, unknown> => JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  let body = "";
  for await (const part of req) body += String(part);
  const path = req.url ?? "";
  asked.push({ path, proof: payload(String(req.headers.dpop)), form: new URLSearchParams(body) });
  const n = asked.filter((each) => (each.path === "/token") === (path === "/token")).length;
  (path === "/token" ? token : resource)(res, n);
}

beforeEach(async () => {
  asked = [];
  ahead = 0;
  token = granted;
  resource = (res) => void res.end("fine");
  signer = await generate("sign");
  server = createServer((req, res) => void answer(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

function env(): Env {
  const missing = (): never => {
    throw new Error("not needed here");
  };
  return {
    now: () => Date.now() + ahead,
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
    fetch,
    page: "https://app.example/",
    socket: (url, protocol) => new WebSocket(url, protocol),
    openStore: missing,
    keys: memoryKeyRecords(),
    after: (milliseconds, run) => {
      const timer = setTimeout(run, milliseconds);
      return () => clearTimeout(timer);
    },
    presence: { online: () => true, visible: () => true, watch: missing },
    deviceName: "test",
    persist: missing,
    quota: missing,
  };
}
const client = (): Client => new Client(env(), { pod: `${base}/ana/`, issuer: base }, signer, "pod", () => "the list");
const get = (path = "a?b=c"): Parameters<Client["ask"]>[0] => ({ method: "GET", path });
const paths = (): readonly string[] => asked.map(({ path }) => path);

describe("a request", () => {
  test("carries a token for the realm, exchanged once, and a proof of its own", async () => {
    const one = client();
    await one.ask(get());
    await one.ask(get());
    expect(paths()).toEqual(["/token", "/ana/a?b=c", "/ana/a?b=c"]);
    const [exchange, first, second] = asked;
    expect(Object.fromEntries(exchange?.form ?? [])).toMatchObject({ resource: `${base}/ana/`, device_list: "the list" });
    expect(payload(exchange?.form.get("subject_token") ?? "")).toMatchObject({ iss: signer.kid, sub: signer.kid, aud: base });
    expect(first?.proof).toMatchObject({ htm: "GET", htu: `${base}/ana/a`, ath: expect.any(String) });
    expect(first?.proof.jti).not.toBe(second?.proof.jti);
  });

  test("asks for one token even when many begin at once", async () => {
    const one = client();
    await Promise.all([one.ask(get()), one.ask(get()), one.ask(get())]);
    expect(paths().filter((path) => path === "/token")).toHaveLength(1);
  });

  test("gets a new token when the old one is about to end", async () => {
    const one = client();
    await one.ask(get());
    ahead = 275_000;
    await one.ask(get());
    expect(paths().filter((path) => path === "/token")).toHaveLength(2);
  });

  test("refused once gets a new token, refused twice is a refusal", async () => {
    resource = (res, n) => void (n === 1 ? res.writeHead(401).end() : res.end("fine"));
    await client().ask(get());
    expect(paths()).toEqual(["/token", "/ana/a?b=c", "/token", "/ana/a?b=c"]);
    resource = (res) => void res.writeHead(401).end();
    await expect(client().ask(get())).rejects.toMatchObject({ code: "pod-refused", status: 401 });
  });

  test("is repeated once with the nonce that the server wants", async () => {
    resource = (res, n) => {
      if (n > 1) return void res.end("fine");
      res.writeHead(401, { "WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": "n1" }).end();
    };
    await client().ask(get());
    expect(paths()).toEqual(["/token", "/ana/a?b=c", "/ana/a?b=c"]);
    expect(asked.at(-1)?.proof).toMatchObject({ nonce: "n1" });
  });

  test("takes the server's clock for its own when the own is wrong", async () => {
    ahead = 10 * 365 * 24 * 3600_000;
    token = (res, n) => void (n === 1 ? res.writeHead(400).end('{"error":"invalid_grant"}') : granted(res));
    await client().ask(get());
    const said = asked.map(({ proof }) => Math.abs(Number(proof.iat) * 1000 - Date.now()) < 5_000);
    expect(said).toEqual([false, true, true]);
  });
});

describe("what comes back is", () => {
  test.each([
    [403, "pod-refused"], [404, "not-there-any-more"], [410, "not-there-any-more"], [413, "picture-too-large"], [429, "behind"], [500, "pod-unreachable"], [503, "behind"], [507, "pod-full"], [418, "not-taken"],
  ] as const)("%i: %s", async (status, code) => {
    resource = (res) => void res.writeHead(status, { "Retry-After": "7" }).end();
    await expect(client().ask(get())).rejects.toMatchObject({ code, status, retryAfter: 7_000 });
  });

  test("a refusal of a token, which is only believed when the server's clock was seen", async () => {
    token = (res) => void res.writeHead(400).end('{"error":"invalid_grant"}');
    const one = client();
    const seen = await one.ask(get()).catch((error: unknown) => error);
    expect(seen).toMatchObject({ code: "pod-refused", status: 401 });
    expect(one.refusedForGood(seen)).toBe(true);
    server.removeAllListeners("request");
    server.on("request", (_req, res: ServerResponse) => {
      res.sendDate = false;
      res.writeHead(400).end('{"error":"invalid_grant"}');
    });
    const other = client();
    const unseen = await other.ask(get()).catch((error: unknown) => error);
    expect(unseen).toMatchObject({ code: "pod-refused" });
    expect(other.refusedForGood(unseen)).toBe(false);
  });

  test("nothing, when no server is there", async () => {
    base = "http://127.0.0.1:9";
    await expect(client().ask(get())).rejects.toMatchObject({ code: "pod-unreachable", status: 0 });
  });

  test("too late, and given up", async () => {
    resource = () => undefined;
    await expect(client().ask({ ...get(), timeout: 50 })).rejects.toMatchObject({ code: "pod-unreachable", status: 0 });
  });

  test("too much, and not read", async () => {
    resource = (res) => void res.end("x".repeat(2_000));
    await expect(client().ask({ ...get(), max: 1_000 })).rejects.toMatchObject({ code: "pod-unreachable", status: 0 });
  });

  test("a redirect, which is not followed: a token goes nowhere else", async () => {
    resource = (res) => void res.writeHead(302, { Location: "/elsewhere" }).end();
    await expect(client().ask(get())).rejects.toMatchObject({ code: "pod-unreachable" });
    expect(paths()).not.toContain("/elsewhere");
  });

  test("no token of the kind that is bound to the key, and not used", async () => {
    token = (res) => void res.end('{"access_token":"x","token_type":"Bearer"}');
    await expect(client().ask(get())).rejects.toMatchObject({ code: "pod-refused" });
    expect(paths()).toEqual(["/token"]);
  });
});

describe("Retry-After", () => {
  test.each([
    ["120", 120_000], ["0", 0], ["Thu, 01 Jan 1970 00:01:00 GMT", 30_000], ["soon", undefined], ["999999999", 86_400_000], ["Fri, 31 Dec 9999 23:59:59 GMT", 86_400_000],
  ] as const)("%j is %j ms", (value, wait) => {
    expect(retryAfter(new Headers({ "Retry-After": value }), 30_000)).toBe(wait);
  });
});

test("an unknown status of a friend's pod is told from one's own", () => {
  expect([codeOf(599, "friend"), codeOf(499, "friend"), codeOf(0, "friend")]).toEqual(["friend-unreachable", "friend-refused", "friend-unreachable"]);
});
