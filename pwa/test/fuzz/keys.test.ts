import { expect } from "vitest";
import { b64u, type Bytes, join, utf8 } from "../../src/core/bytes.ts";
import { codeOf, makeKit, openKit, readCode, readKit, readLock } from "../../src/core/backup/kit.ts";
import { object } from "../../src/core/json.ts";
import { accept, accepted, confirmation, confirmed } from "../../src/core/webid/acceptance.ts";
import { acceptKeysDocument, makeKeysDocument } from "../../src/core/webid/agreement.ts";
import { acceptDeviceList, firstDeviceList, nextDeviceList, readDeviceList } from "../../src/core/webid/devices.ts";
import { encapsulate } from "../../src/core/webid/hpke.ts";
import { open, signAs } from "../../src/core/webid/jws.ts";
import { generate } from "../../src/core/webid/key.ts";
import { ownList, type Right } from "../../src/core/webid/list.ts";
import { octets, values, writing, written } from "./mutate.ts";
import { bears } from "./oracle.ts";

// What is signed, or sealed to a key: whoever has a key of their own may sign and seal whatever they like.

const now = Date.parse("2026-11-22T20:00:00Z");
const may: readonly Right[] = ["answer", "accept", "post", "admin"];
const [person, phone, laptop, agree, invited] = [await generate("sign", true), await generate("sign"), await generate("sign"), await generate("agree"), await generate("agree")];
const first = await firstDeviceList(person, [{ kid: phone.kid, name: "phone", may }]);
const second = await nextDeviceList(first, phone, [...first.devices, { kid: laptop.kid, name: "läptop", may: ["answer"] }]);
const third = await nextDeviceList(second, phone, first.devices);
const keys = await makeKeysDocument(second, phone, 3, [{ kid: "k1", device: phone.kid, key: agree.kid, until: now }, { kid: "k2", device: laptop.kid, key: agree.kid, until: now }]);
const payload = async (jws: string, typ: string): Promise<unknown> => (await open(jws.split("~")[0] ?? "", typ)).payload;
const lists = await Promise.all([first, second].map(({ text }) => payload(text, "kith-devices+jwt")));

bears("chains of device lists", { kind: writing, samples: [first.text, second.text, third.text], read: readDeviceList, share: 25, holds: (list) => expect(ownList(list.text)).toEqual(list) });
bears("chains that were accepted before", { kind: writing, samples: [second.text, third.text], read: (text) => acceptDeviceList(text, second), share: 25, holds: ({ epoch }) => expect(epoch).toBeGreaterThanOrEqual(second.epoch) });
bears("what a device list says", { kind: values, samples: lists, share: 25, read: async (value) => readDeviceList(await signAs(person, "kith-devices+jwt", object(value) ?? {})) });
bears("what a later device list says", { kind: values, samples: lists, share: 25, read: async (value) => acceptDeviceList(`${await signAs(phone, "kith-devices+jwt", object(value) ?? {})}~${first.text}`, first) });
bears("keys documents", { kind: writing, samples: [keys.text], share: 25, read: (text) => acceptKeysDocument(text, second) });
bears("what a keys document says", {
  kind: values, samples: [await payload(keys.text, "kith-keys+jwt")], share: 25, read: async (value) => acceptKeysDocument(await signAs(phone, "kith-keys+jwt", object(value) ?? {}), second),
  holds: (read) => expect(read.agree.every(({ device, until }) => [phone.kid, laptop.kid].includes(device) && Number.isFinite(until))).toBe(true),
});
bears("the header of what is signed", {
  kind: values, samples: [{ alg: "ES256", typ: "t", kid: phone.kid }], share: 25,
  read: async (header) => open((await signAs(phone, "t", {})).replace(/^[^.]+/, b64u(utf8(written(header)))), "t"),
});

const id = new Uint8Array(16).fill(2);
const invite = { label: first.label, ik: invited.kid, secret: new Uint8Array(16).fill(1), id, name: "Ana", pods: [], relays: [] };
const ways = [{ relay: "https://relay.example/", send: b64u(new Uint8Array(24)) }, { pod: "https://pods.example/ana/", issuer: "https://pods.example" }];
const self = { devices: second, keys, ways, name: "Ana" };
const acceptance = await accept(invite, self, { kid: "k1", key: agree.key });
const said = { label: second.label, device_list: second.text, keys: keys.text, ways, name: "Ana", agree: "k1", proof: "x", binding: "x", cid: "c", webid: "https://a.example/#me", salt: b64u(new Uint8Array(32)) };

async function sealed(value: unknown): Promise<Bytes> {
  const { enc, seal } = await encapsulate(invited.kid, utf8("kith invite 1"));
  return join(enc, await seal(utf8(written(value)), id));
}

async function confirming(value: unknown): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", acceptance.confirmKey, "AES-GCM", false, ["encrypt"]);
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12), additionalData: id }, key, utf8(written(value))));
}

bears("acceptances", { kind: octets, samples: [acceptance.body], share: 25, read: (body) => accepted({ ...invite, key: invited }, body) });
// Whoever says this has the key of the invite, and not its secret.
bears("what an acceptance says", { kind: values, samples: [said], share: 25, none: true, read: async (value) => accepted({ ...invite, key: invited }, await sealed(value)) });
bears("confirmations", {
  kind: octets, samples: [await confirmation(id, acceptance.confirmKey, { ...self, cid: "c", webid: "https://a.example/#me", salt: new Uint8Array(32) })], share: 25,
  read: (answer) => confirmed(invite, acceptance.confirmKey, answer),
});
bears("what a confirmation says", { kind: values, samples: [said], share: 25, read: async (value) => confirmed(invite, acceptance.confirmKey, await confirming(value)) });

const recovery = new Uint8Array(await crypto.subtle.exportKey("pkcs8", person.key));
const secret = new Uint8Array(16).fill(5);
const kit = await makeKit(secret, person, recovery, { serial: 1, now, nonce: new Uint8Array(12) });

bears("codes of kits", { kind: writing, samples: [await codeOf(secret)], read: readCode, holds: async (read) => expect(await readCode(await codeOf(read))).toEqual(read) });
bears("documents of kits", { kind: writing, samples: [kit.text], share: 25, read: (text) => readKit(text, person.kid) });
bears("what a kit says", { kind: values, samples: [await payload(kit.text, "kith-kit+jwt")], share: 25, read: async (value) => readKit(await signAs(person, "kith-kit+jwt", object(value) ?? {}), person.kid) });
bears("locks", { kind: values, samples: [{ key: kit.key, sealed: kit.sealed }], share: 25, read: async (value) => openKit(readLock(object(value) ?? {}), secret) });
bears("keys in a kit", { kind: octets, samples: [recovery], share: 20, read: async (key) => openKit(await makeKit(secret, person, key, { serial: 1, now, nonce: new Uint8Array(12) }), secret) });
