import { AEAD_AES_128_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_P256_HKDF_SHA256 } from "hpke";
import { expect, it } from "vitest";
import { b64u, type Bytes, utf8 } from "../../src/core/bytes.ts";
import { decapsulator, encapsulate } from "../../src/core/webid/hpke.ts";
import { compressed, didOf, generate, jwkOf, type Signer } from "../../src/core/webid/key.ts";

const hex = (digits: string): Bytes => new Uint8Array(Buffer.from(digits, "hex"));
const suite = new CipherSuite(KEM_DHKEM_P256_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_128_GCM);

/** secret returns a private agreement key from its scalar and its public point. */
async function secret(scalar: Bytes, point: Bytes): Promise<Signer> {
  const kid = didOf(compressed(point));
  const jwk = { ...jwkOf(kid), d: b64u(scalar) };
  return { kid, key: await crypto.subtle.importKey("jwk", jwk, { name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]) };
}

it("seals as RFC 9180 §A.3.1 does", async () => {
  const enc = hex("04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4");
  const ephemeral = await secret(hex("4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb"), enc);
  const recipient = hex("04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0");
  const made = await encapsulate(didOf(compressed(recipient)), utf8("Ode on a Grecian Urn"), ephemeral);
  expect(made.enc).toEqual(enc);
  expect(await made.seal(utf8("Beauty is truth, truth beauty"), utf8("Count-0"))).toEqual(
    hex("5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434"),
  );
});

it("seals what another implementation opens, and derives the same secret", async () => {
  for (let i = 0; i < 8; i++) {
    const to = await generate("agree");
    const { enc, seal, derive } = await encapsulate(to.kid, utf8("info"));
    const sealed = await seal(utf8(`message ${i}`), utf8("aad"));
    const publicKey = await suite.DeserializePublicKey(await rawOf(to));
    const context = await suite.SetupRecipient({ privateKey: to.key, publicKey }, enc, { info: utf8("info") });
    expect(Buffer.from(await context.Open(sealed, utf8("aad"))).toString()).toBe(`message ${i}`);
    expect(await derive(utf8("context"), 16)).toEqual(await context.Export(utf8("context"), 16));
  }
});

it("opens as RFC 9180 §A.3.1 does, and exports the same secrets", async () => {
  const enc = hex("04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4");
  const recipient = hex("04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0");
  const own = await secret(hex("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2"), recipient);
  const { open, derive } = await decapsulator(own, utf8("Ode on a Grecian Urn"))(enc);
  const sealed = hex("5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434");
  expect(await open(sealed, utf8("Count-0"))).toEqual(utf8("Beauty is truth, truth beauty"));
  expect(await derive(new Uint8Array(0), 32)).toEqual(hex("5e9bc3d236e1911d95e65b576a8a86d478fb827e8bdfe77b741b289890490d4d"));
  expect(await derive(hex("00"), 32)).toEqual(hex("6cff87658931bda83dc857e6353efe4987a201b849658d9b047aab4cf216e796"));
  expect(await derive(utf8("TestContext"), 32)).toEqual(hex("d8f1ea7942adbba7412c6d431c62d01371ea476b823eb697e1f6e6cae1dab85a"));
});

it("opens what another implementation seals, with a key that cannot be extracted", async () => {
  for (let i = 0; i < 8; i++) {
    const own = await generate("agree");
    const { encapsulatedSecret, ctx } = await suite.SetupSender(await suite.DeserializePublicKey(await rawOf(own)), { info: utf8("info") });
    const sealed = await ctx.Seal(utf8(`message ${i}`), utf8("aad"));
    const { open, derive } = await decapsulator(own, utf8("info"))(new Uint8Array(encapsulatedSecret));
    expect(await open(new Uint8Array(sealed), utf8("aad"))).toEqual(utf8(`message ${i}`));
    expect(await derive(utf8("context"), 32)).toEqual(await ctx.Export(utf8("context"), 32));
  }
});

it("opens nothing that is for another key, of another purpose, changed, or cut off", async () => {
  const [own, other] = [await generate("agree"), await generate("agree")];
  const { enc, seal } = await encapsulate(own.kid, utf8("info"));
  const sealed = await seal(utf8("message"), utf8("aad"));
  const open = async (key: Signer, info: string, bytes: Bytes, aad: string): Promise<Bytes | undefined> => (await decapsulator(key, utf8(info))(enc)).open(bytes, utf8(aad));
  expect(await open(own, "info", sealed, "aad")).toEqual(utf8("message"));
  expect(await open(other, "info", sealed, "aad")).toBeUndefined();
  expect(await open(own, "else", sealed, "aad")).toBeUndefined();
  expect(await open(own, "info", sealed, "else")).toBeUndefined();
  expect(await open(own, "info", sealed.slice(1), "aad")).toBeUndefined();
  expect(await open(own, "info", new Uint8Array(0), "aad")).toBeUndefined();
  for (let i = 0; i < sealed.length; i++) expect(await open(own, "info", flipped(sealed, i), "aad")).toBeUndefined();
});

it("refuses encapsulated keys that are no points of the curve", async () => {
  const decapsulate = decapsulator(await generate("agree"), utf8("info"));
  const enc = await rawOf(await generate("agree"));
  const [hybrid, short] = [enc.slice(), enc.slice()];
  hybrid[0] = 6 + ((enc[64] ?? 0) & 1);
  short[0] = 2;
  for (const bad of [enc.slice(1), enc.slice(0, 33), flipped(enc, 40), hybrid, short, new Uint8Array(65), new Uint8Array(0)]) {
    await expect(decapsulate(bad)).rejects.toMatchObject({ code: "keys-refused" });
  }
});

function flipped(bytes: Bytes, at: number): Bytes {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

async function rawOf({ kid }: Signer): Promise<Bytes> {
  const { x, y } = jwkOf(kid);
  return new Uint8Array(Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]));
}
