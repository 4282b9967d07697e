import { describe, expect, test } from "vitest";
import { createPasskey, type Passkeys, passkeysOf, showPasskey } from "../../src/ui/passkey.ts";

// Node has no authenticator; that a real one and the pod understand each other is tried in e2e/apps.e2e.ts.
const bytes = (...values: number[]): ArrayBuffer => Uint8Array.from(values).buffer;
const array = (value: unknown): number[] => [...new Uint8Array(value as ArrayBuffer)];

const refuses = (name: string): Passkeys => {
  const refuse = (): Promise<never> => Promise.reject(new DOMException("", name));
  return { create: refuse, get: refuse };
};

describe("making a passkey", () => {
  const options = { publicKey: { challenge: "AQID", rp: { id: "pods.example" }, user: { id: "BAU", name: "ana" }, excludeCredentials: [{ type: "public-key", id: "Bg" }] } };

  test("the options reach the browser as bytes, and the answer the pod as base64url", async () => {
    let given: PublicKeyCredentialCreationOptions | undefined;
    const response = { clientDataJSON: bytes(1), attestationObject: bytes(255, 254), getTransports: () => ["internal"] };
    const made = { id: "Bw", rawId: bytes(7), type: "public-key", authenticatorAttachment: "platform", response };
    const passkeys: Passkeys = { get: () => Promise.reject(new Error("not asked for")), create: async (asked) => { given = asked?.publicKey; return made as unknown as Credential; } };
    expect(await createPasskey(passkeys, options)).toEqual({
      id: "Bw", rawId: "Bw", type: "public-key", authenticatorAttachment: "platform", clientExtensionResults: {},
      response: { clientDataJSON: "AQ", attestationObject: "__4", transports: ["internal"] },
    });
    expect([array(given?.challenge), array(given?.user.id), array(given?.excludeCredentials?.[0]?.id)]).toEqual([[1, 2, 3], [4, 5], [6]]);
    expect(given?.user.name).toBe("ana");
  });

  test("options that are no base64url are refused", async () => {
    await expect(createPasskey(refuses("x"), { challenge: "a+b" })).rejects.toThrow("no base64url");
  });
});

describe("showing a passkey", () => {
  test("without a list any passkey of the host will do", async () => {
    let given: PublicKeyCredentialRequestOptions | undefined;
    const response = { clientDataJSON: bytes(1), authenticatorData: bytes(2), signature: bytes(3), userHandle: bytes(4) };
    const shown = { id: "Bw", rawId: bytes(7), type: "public-key", authenticatorAttachment: null, response };
    const passkeys: Passkeys = { create: () => Promise.reject(new Error("not asked for")), get: async (asked) => { given = asked?.publicKey; return shown as unknown as Credential; } };
    expect(await showPasskey(passkeys, { challenge: "AQID", rpId: "pods.example" })).toEqual({
      id: "Bw", rawId: "Bw", type: "public-key", clientExtensionResults: {},
      response: { clientDataJSON: "AQ", authenticatorData: "Ag", signature: "Aw", userHandle: "BA" },
    });
    expect([given?.rpId, given?.allowCredentials]).toEqual(["pods.example", []]);
  });

  test.each(["NotAllowedError", "AbortError"])("closing the browser's sheet (%s) is no failure", async (name) => {
    expect(await showPasskey(refuses(name), { challenge: "AQID" })).toBeUndefined();
  });

  test("any other refusal is", async () => {
    await expect(showPasskey(refuses("SecurityError"), { challenge: "AQID" })).rejects.toMatchObject({ name: "SecurityError" });
  });
});

test("where the browser has none, there are none", () => {
  expect(passkeysOf({ isSecureContext: false } as Window & typeof globalThis)).toBeUndefined();
});
