import { AEAD_AES_128_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_P256_HKDF_SHA256 } from "hpke";
import { expect, it } from "vitest";
import { b64u, type Bytes, utf8 } from "../../src/core/bytes.ts";
import { encapsulate } from "../../src/core/webid/hpke.ts";
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
    const publicKey = await suite.DeserializePublicKey(hex(Buffer.from(await rawOf(to)).toString("hex")));
    const context = await suite.SetupRecipient({ privateKey: to.key, publicKey }, enc, { info: utf8("info") });
    expect(Buffer.from(await context.Open(sealed, utf8("aad"))).toString()).toBe(`message ${i}`);
    expect(await derive(utf8("context"), 16)).toEqual(await context.Export(utf8("context"), 16));
  }
});

async function rawOf({ kid }: Signer): Promise<Bytes> {
  const { x, y } = jwkOf(kid);
  return new Uint8Array(Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]));
}
