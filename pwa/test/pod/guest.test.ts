import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { admitGuest, dismissGuest, generate, guestAt, guestFetch, guestFolder, type GuestHost, type Signer } from "../../src/core/index.ts";
import { didOfJwk, publicKey, thumbprint } from "../../src/core/webid/key.ts";

// A shelf for files such as any Solid server has; that unmodified ones let the friend in is tried in conformance/apps.
let server: Server;
let folder: string;
let asked: string[];
let files: Map<string, { readonly type: string; readonly body: string }>;
let answer: (req: IncomingMessage, body: string, res: ServerResponse) => void;
let host: GuestHost;

const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length));

function shelf(req: IncomingMessage, body: string, res: ServerResponse): void {
  const path = req.url ?? "";
  res.setHeader("Link", ['<http://www.w3.org/ns/ldp#Container>; rel="type"', '<.access>; rel="acl"', '<x.meta>; rel="describedby"']);
  if (req.method === "PUT") files.set(path, { type: req.headers["content-type"] ?? "", body });
  res.statusCode = req.method === "PUT" ? 201 : files.has(path) ? 200 : 404;
  if (req.method === "DELETE") files.delete(path);
  res.end(req.method === "GET" ? files.get(path)?.body : undefined);
}

beforeEach(async () => {
  asked = [];
  files = new Map();
  answer = shelf;
  server = createServer((req, res) => {
    let body = "";
    req.on("data", (part) => { body += String(part); });
    req.on("end", () => {
      asked.push(`${req.method} ${req.url}`);
      answer(req, body, res);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  folder = `${base}/ana/guests/g/`;
  host = { webid: `${base}/ana/profile/card#me`, fetch };
});
afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

describe("the owner", () => {
  test("makes the folder and its access list before there is anything to read", async () => {
    const { kid } = await generate("sign");
    const guest = await admitGuest(host, folder, [kid]);
    expect(asked.filter((line) => !line.startsWith("HEAD"))).toEqual([
      "PUT /ana/guests/g/", "PUT /ana/guests/g/.access", "PUT /ana/guests/g/jwks", "PUT /ana/guests/g/.well-known/openid-configuration", "PUT /ana/guests/g/card",
    ]);
    expect(guest).toEqual({ webid: `${folder}card#me`, issuer: folder.slice(0, -1) });
    expect(guest).toEqual(guestAt(folder));
  });

  test("writes what a server looks up, in the types that it expects", async () => {
    const keys = [(await generate("sign")).kid, (await generate("sign")).kid];
    const { issuer } = await admitGuest(host, folder, keys);
    expect(files.get("/ana/guests/g/card")).toEqual({ type: "text/turtle", body: `<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <${issuer}>.\n` });
    const configuration = files.get("/ana/guests/g/.well-known/openid-configuration");
    expect(configuration?.type).toBe("application/json");
    expect(JSON.parse(configuration?.body ?? "")).toEqual({ issuer, jwks_uri: `${folder}jwks` });
    const jwks = JSON.parse(files.get("/ana/guests/g/jwks")?.body ?? "") as { keys: { kid: string }[] };
    expect(jwks.keys.map(({ kid }) => kid)).toEqual(keys);
    expect(jwks.keys.map(({ kid, ...jwk }) => didOfJwk(jwk) === kid)).toEqual([true, true]);
  });

  test("lets everybody read what is in the folder, and nobody list it", async () => {
    await admitGuest(host, folder, []);
    const rules = (files.get("/ana/guests/g/.access")?.body ?? "").split("\n\n");
    const of = (who: string): string => rules.find((rule) => rule.includes(who)) ?? "";
    expect(of("foaf/0.1/Agent")).toContain(`acl:default <${folder}>`);
    expect(of("foaf/0.1/Agent")).not.toContain("acl:accessTo");
    expect(of("foaf/0.1/Agent")).toMatch(/acl:mode acl:Read\.\n/);
    expect(of(host.webid)).toContain(`acl:accessTo <${folder}>; acl:default <${folder}>`);
    expect(of(host.webid)).toContain("acl:Control");
  });

  test("writes other keys without making the folder again", async () => {
    await admitGuest(host, folder, []);
    asked = [];
    const { kid } = await generate("sign");
    await admitGuest(host, folder, [kid]);
    expect(asked).not.toContain("PUT /ana/guests/g/");
    expect(files.get("/ana/guests/g/jwks")?.body).toContain(kid);
  });

  test("removes the files, and does not mind those that are gone", async () => {
    await admitGuest(host, folder, []);
    files.delete("/ana/guests/g/card");
    await dismissGuest(host, folder);
    expect([...files.keys()]).toEqual(["/ana/guests/g/.access"]);
    expect(asked.at(-1)).toBe("DELETE /ana/guests/g/");
  });

  test.each([
    [`<https://x.example/g/.acl>; rel="acl"`, "https://x.example/g/.acl"],
    [`<a>; title="rel=acl", <b>; rel="type acl"`, "b"],
    [`<a>; rel="aclx", <b>; rel=acl`, "b"],
    [`<a,b;c>; rel=acl`, "a,b;c"],
  ])("finds the access list in %s", async (link, target) => {
    const put: string[] = [];
    const fetching: GuestHost["fetch"] = async (url, init) => {
      if (init?.method === "PUT") put.push(url);
      return new Response(null, { headers: { Link: link } });
    };
    await admitGuest({ ...host, fetch: fetching }, folder, []);
    expect(put[0]).toBe(new URL(target, folder).href);
  });

  test("writes nothing where the server names no access list", async () => {
    answer = (req, _body, res) => void res.writeHead(req.method === "HEAD" ? 200 : 201, { Link: '<x>; rel="type"' }).end();
    await expect(admitGuest(host, folder, [])).rejects.toMatchObject({ code: "not-taken" });
    expect(asked.filter((line) => line.startsWith("PUT"))).toEqual([]);
  });

  test("stops where the server refuses the access list", async () => {
    answer = (req, body, res) => req.method === "PUT" && req.url?.endsWith(".access") === true ? void res.writeHead(403).end() : shelf(req, body, res);
    await expect(admitGuest(host, folder, [])).rejects.toMatchObject({ status: 403 });
    expect([...files.keys()]).toEqual(["/ana/guests/g/"]);
  });

  test.each(["https://x.example/g", "https://x.example/g/?a/", "https://x.example/<g>/", "nowhere/"])("refuses the folder %s", async (bad) => {
    await expect(admitGuest(host, bad, [])).rejects.toMatchObject({ code: "bad-link" });
  });

  test("refuses to be named by what is no WebID", async () => {
    await expect(admitGuest({ ...host, webid: "https://x.example/> . <#x> a <y" }, folder, [])).rejects.toMatchObject({ code: "bad-link" });
    expect(asked).toEqual([]);
  });

  test("gives each friend a folder that nobody guesses", () => {
    const names = new Set(Array.from({ length: 100 }, () => guestFolder("https://x.example/ana/guests/", random)));
    expect(names.size).toBe(100);
    for (const name of names) expect(name).toMatch(/^https:\/\/x\.example\/ana\/guests\/[a-z2-7]{32}\/$/);
  });
});

describe("the friend", () => {
  let signer: Signer;
  let now: number;
  let seen: { readonly method: string; readonly url: string; readonly token: string; readonly proof: string }[];
  let friend: ReturnType<typeof guestFetch>;

  type Part = Record<string, unknown>;
  const parts = (jws: string): readonly [Part, Part] => {
    const [head, payload] = jws.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as Part);
    return [head ?? {}, payload ?? {}];
  };
  const verified = async (jws: string): Promise<boolean> => {
    const [head, payload, signature] = jws.split(".");
    const key = await publicKey(signer.kid, "sign");
    return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, Buffer.from(signature ?? "", "base64url"), Buffer.from(`${head}.${payload}`));
  };

  beforeEach(async () => {
    signer = await generate("sign");
    now = Date.parse("2026-11-22T12:00:00Z");
    seen = [];
    answer = (req, _body, res) => {
      seen.push({ method: req.method ?? "", url: req.url ?? "", token: (req.headers.authorization ?? "").replace(/^DPoP /, ""), proof: String(req.headers.dpop) });
      res.end("hello");
    };
    friend = guestFetch(guestAt(folder), signer, { fetch, now: () => now, random });
  });

  test("signs a token of the issuer that the card names, bound to their own key", async () => {
    expect(await (await friend(`${folder}../post`, {})).text()).toBe("hello");
    const [{ token }] = seen as [typeof seen[number]];
    const [head, claims] = parts(token);
    expect(head).toEqual({ alg: "ES256", typ: "at+jwt", kid: signer.kid });
    const iat = now / 1000;
    const { webid, issuer } = guestAt(folder);
    expect(claims).toEqual({
      webid, sub: webid, iss: issuer, client_id: webid, azp: webid, aud: ["solid"], iat, exp: iat + 300, jti: claims["jti"], cnf: { jkt: await thumbprint(signer.kid) },
    });
    expect(await verified(token)).toBe(true);
  });

  test("proves each request anew, and keeps the token until shortly before it ends", async () => {
    const post = folder.replace("guests/g/", "post");
    await friend(`${post}?x=1`, { method: "PUT", body: "a" });
    now += 269_000;
    await friend(post);
    now += 1_000;
    await friend(post);
    const proofs = seen.map(({ proof }) => parts(proof)[1]);
    expect(proofs.map(({ htm, htu }) => [htm, htu])).toEqual([["PUT", post], ["GET", post], ["GET", post]]);
    expect(new Set(proofs.map(({ jti }) => jti)).size).toBe(3);
    const [first, second, third] = seen.map(({ token }) => token);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    const hash = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(third ?? ""))).toString("base64url");
    expect(proofs[2]?.["ath"]).toBe(hash);
  });

  test("gives the nonce that a server asks for, once", async () => {
    answer = (req, _body, res) => {
      seen.push({ method: req.method ?? "", url: "", token: "", proof: String(req.headers.dpop) });
      res.writeHead(401, { "DPoP-Nonce": "n1", "WWW-Authenticate": 'DPoP error="use_dpop_nonce"' }).end();
    };
    expect((await friend(`${folder}x`)).status).toBe(401);
    expect(seen.map(({ proof }) => parts(proof)[1]["nonce"])).toEqual([undefined, "n1"]);
  });

  test("keeps the headers of a request, and follows no redirect", async () => {
    let type: string | undefined;
    answer = (req, _body, res) => {
      type = req.headers["content-type"];
      res.writeHead(307, { Location: "/elsewhere" }).end();
    };
    const { status } = await friend(`${folder}x`, { method: "PUT", headers: { "Content-Type": "text/plain" }, body: "a" });
    expect([status, type, asked.length]).toEqual([307, "text/plain", 1]);
  });
});
