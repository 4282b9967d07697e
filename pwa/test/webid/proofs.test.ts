import { describe, expect, it } from "vitest";
import { b64u, fromB64u, sha256, utf8 } from "../../src/core/bytes.ts";
import { accept, confirmed, type Introduction } from "../../src/core/webid/acceptance.ts";
import type { Invite } from "../../src/core/webid/invite.ts";
import { generate, jwkOf, labelOf, thumbprint } from "../../src/core/webid/key.ts";
import { sign } from "../../src/core/webid/jws.ts";
import { makePerson } from "../../src/core/webid/person.ts";
import { askedNonce, dpop, selfIssued } from "../../src/core/webid/proof.ts";
import { memoryKeyRecords, signerOf } from "../../src/core/webid/records.ts";
import { judgeAssertion, judgeProof, openAcceptance, scalarOf, sealConfirmation } from "./judge.ts";

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const at = 1_795_348_800_700;
const chance = { now: () => at, random };
const issuer = "https://host.example";

describe("what a device signs to get in", () => {
  it("is an assertion that the issuer takes for two minutes", async () => {
    const device = await generate("sign");
    const jwt = await selfIssued(device, issuer, chance);
    expect(await judgeAssertion(jwt, issuer, 1_795_348_800)).toBe(device.kid);
    expect(await judgeAssertion(jwt, issuer, 1_795_348_919)).toBe(device.kid);
    await expect(judgeAssertion(jwt, issuer, 1_795_348_920)).rejects.toMatchObject({ verdict: "not fresh" });
    await expect(judgeAssertion(jwt, `${issuer}/`, 1_795_348_800)).rejects.toMatchObject({ verdict: "wrong audience" });
    expect(await selfIssued(device, issuer, chance)).not.toBe(jwt);
  });

  it("is a proof for one method, one address and one token", async () => {
    const device = await generate("sign");
    const cnf = { jkt: await thumbprint(device.kid) };
    const token = await sign((await generate("sign")).key, { typ: "at+jwt" }, { cnf });
    const url = `${issuer}/ana/social/feed?cursor=abc#top`;
    const proof = await dpop(device, { method: "GET", url, token }, chance);
    const asked = { method: "GET", url: `${issuer}/ana/social/feed`, token };
    expect(await judgeProof(proof, asked, 1_795_348_800)).toBe(cnf.jkt);
    await expect(judgeProof(proof, { ...asked, method: "PUT" }, 1_795_348_800)).rejects.toMatchObject({ verdict: "wrong method" });
    await expect(judgeProof(proof, { ...asked, url: `${issuer}/ana/` }, 1_795_348_800)).rejects.toMatchObject({ verdict: "wrong address" });
    await expect(judgeProof(proof, asked, 1_795_348_861)).rejects.toMatchObject({ verdict: "not fresh" });
    const other = await dpop(device, { method: "GET", url, token: `${token}x` }, chance);
    await expect(judgeProof(other, asked, 1_795_348_800)).rejects.toMatchObject({ verdict: "wrong token" });
  });

  it("carries the nonce that was asked for, and only that", async () => {
    const device = await generate("sign");
    const claims = (proof: string): unknown => JSON.parse(Buffer.from(proof.split(".")[1] ?? "", "base64url").toString());
    const request = { method: "POST", url: `${issuer}/token` };
    expect(claims(await dpop(device, { ...request, nonce: "n-1" }, chance))).toMatchObject({ nonce: "n-1" });
    expect(claims(await dpop(device, request, chance))).not.toHaveProperty("nonce");
    expect(claims(await dpop(device, request, chance))).not.toHaveProperty("ath");
  });

  it("is asked for again with a nonce only by an answer that says so", async () => {
    const answer = (status: number, body: string, headers: Record<string, string>) => new Response(body, { status, headers });
    const atToken = answer(400, `{"error":"use_dpop_nonce"}`, { "DPoP-Nonce": "n-1" });
    expect(await askedNonce(atToken)).toBe("n-1");
    expect(await atToken.json()).toEqual({ error: "use_dpop_nonce" });
    expect(await askedNonce(answer(401, "", { "DPoP-Nonce": "n-2", "WWW-Authenticate": `DPoP error="use_dpop_nonce"` }))).toBe("n-2");
    expect(await askedNonce(answer(401, "", { "DPoP-Nonce": "n-3", "WWW-Authenticate": `DPoP error="invalid_token"` }))).toBeUndefined();
    expect(await askedNonce(answer(200, "use_dpop_nonce", { "DPoP-Nonce": "n-4" }))).toBeUndefined();
    expect(await askedNonce(answer(400, "use_dpop_nonce", {}))).toBeUndefined();
  });
});

describe("an invite", () => {
  const introduce = async (name: string) => {
    const records = memoryKeyRecords();
    const { devices, keys, device } = await makePerson(records, "Phone", at);
    const self: Introduction = { devices, keys, ways: [{ pod: `${issuer}/${name}/`, issuer }], name };
    const [agree] = keys.agree;
    if (agree === undefined) throw new Error("make person: no agreement key");
    return { self, signer: await signerOf(records, device), agree: { kid: agree.kid, key: (await signerOf(records, agree.key)).key } };
  };
  const invited = async () => {
    const [ana, ben, ik] = await Promise.all([introduce("ana"), introduce("ben"), generate("agree", true)]);
    const invite: Invite = { label: ana.self.devices.label, ik: ik.kid, secret: random(16), id: random(16), name: "Ana", relays: [], pods: [`${issuer}/ana/`] };
    const { body, confirmKey } = await accept(invite, ben.self, ben.agree);
    const answer = { label: invite.label, device_list: ana.self.devices.text, keys: ana.self.keys.text, ways: ana.self.ways, name: "Ana" };
    const mine = { cid: "a".repeat(20), webid: `${issuer}/ana/contacts/${"a".repeat(20)}/card#me`, salt: b64u(random(32)) };
    return { ana, ben, ik, invite, body, confirmKey, answer: { ...answer, ...mine } };
  };

  it("is accepted so that its pod learns who, and only its pod", async () => {
    const { ben, ik, invite, body, confirmKey } = await invited();
    const sealed = { ik: await scalarOf(ik.key), id: invite.id, secret: invite.secret, body };
    expect(await openAcceptance(sealed)).toEqual({
      label: ben.self.devices.label, device_list: ben.self.devices.text, keys: ben.self.keys.text, person: "ben", ways: ben.self.ways, confirm_key: b64u(confirmKey),
    });
    await expect(openAcceptance({ ...sealed, secret: random(16) })).rejects.toMatchObject({ verdict: "bad proof" });
    await expect(openAcceptance({ ...sealed, id: random(16) })).rejects.toMatchObject({ verdict: "malformed" });
    await expect(openAcceptance({ ...sealed, ik: await scalarOf((await generate("agree", true)).key) })).rejects.toMatchObject({ verdict: "malformed" });
    expect(Buffer.from(body).includes('"ben"')).toBe(false);
  });

  it("binds the agreement key that it names", async () => {
    const { ben, ik, invite } = await invited();
    const { body } = await accept(invite, ben.self, { kid: ben.agree.kid, key: (await generate("agree")).key });
    const sealed = { ik: await scalarOf(ik.key), id: invite.id, secret: invite.secret, body };
    await expect(openAcceptance(sealed)).rejects.toMatchObject({ verdict: "bad binding" });
  });

  it("is confirmed by the inviter alone", async () => {
    const { ana, ben, invite, confirmKey, answer } = await invited();
    const seal = (content: object) => sealConfirmation(confirmKey, invite.id, { ...content });
    const { salt, ...rest } = await confirmed(invite, confirmKey, await seal(answer));
    expect({ ...rest, salt: b64u(salt) }).toEqual({
      devices: ana.self.devices, keys: ana.self.keys, ways: ana.self.ways, name: "Ana", cid: answer.cid, webid: answer.webid, salt: answer.salt,
    });
    const refused: readonly (readonly [string, object])[] = [
      ["wrong label", { ...answer, label: ben.self.devices.label, device_list: ben.self.devices.text, keys: ben.self.keys.text }],
      ["wrong label", { ...answer, label: await labelOf((await generate("sign")).kid) }],
      ["wrong label", { ...answer, keys: ben.self.keys.text }],
      ["malformed", { ...answer, salt: b64u(random(31)) }],
      ["malformed", { ...answer, webid: "javascript:alert(1)" }],
      ["malformed", { ...answer, ways: [{ pod: "https://a", issuer }] }],
      ["malformed", []],
    ];
    for (const [verdict, content] of refused) {
      await expect(confirmed(invite, confirmKey, await seal(content))).rejects.toMatchObject({ code: "keys-refused", verdict });
    }
    const sealed = await seal(answer);
    await expect(confirmed(invite, random(16), sealed)).rejects.toMatchObject({ verdict: "malformed" });
    await expect(confirmed({ ...invite, id: random(16) }, confirmKey, sealed)).rejects.toMatchObject({ verdict: "malformed" });
  });
});

it("a thumbprint is the one of RFC 7638", async () => {
  const { kid } = await generate("sign");
  const { x, y } = jwkOf(kid);
  expect(fromB64u(await thumbprint(kid))).toEqual(await sha256(utf8(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`)));
});
