import { expect } from "vitest";
import { b64u, base32, base58, type Bytes, fromB64u, fromBase32, fromBase58, join, utf8 } from "../../src/core/bytes.ts";
import { makeInvite, readInvite } from "../../src/core/webid/invite.ts";
import { makeJoining, readJoining } from "../../src/core/webid/joinlink.ts";
import { didOfJwk, generate, jwkOf, type Label, labelOf, parseDid, pointOf } from "../../src/core/webid/key.ts";
import { isWebId, makeLink, readWay, readWays } from "../../src/core/webid/link.ts";
import { linkKind } from "../../src/core/webid/mark.ts";
import { readPairing } from "../../src/core/webid/pairlink.ts";
import { object } from "../../src/core/json.ts";
import { readWays as waysOfCard } from "../../src/core/pod/card.ts";
import { relayUrl } from "../../src/core/relay/settings.ts";
import { pathOf as screenOf, addressOf, askedIn } from "../../src/ui/route.ts";
import { octets, values, writing, written } from "./mutate.ts";
import { bears } from "./oracle.ts";

// What a camera reads, somebody pastes, or a messenger hands over.

const base = "https://kith.example/";
const pod = "https://pods.example/ana/";
const way = { relay: "https://relay.example/", send: b64u(new Uint8Array(24).fill(9)) };
const secret = b64u(new Uint8Array(16).fill(7));
const [person, key] = [(await generate("sign")).kid, (await generate("agree")).kid];
const label: Label = await labelOf(person);

const invite = { label, ik: key, secret: new Uint8Array(16).fill(1), id: new Uint8Array(16).fill(2), name: "Zoë", pods: [pod], relays: [way] };
const counted = (part: string): Bytes => join(Uint8Array.of(utf8(part).length), utf8(part));
const start = join(Uint8Array.of(1), new Uint8Array(16).fill(7), counted(pod));
const relayed = join(start, Uint8Array.of(1), pointOf(key), new Uint8Array(24).fill(9), counted(way.relay));
const joining = { label, secret, name: "Ana", via: [way], ik: key };
const links = [
  makeInvite(base, invite), makeLink(base, "pair", relayed), makeJoining(base, joining),
  makeJoining(base, { ...joining, pod, issuer: "https://pods.example", via: [] }),
];
const inside = (link: string): Bytes => fromB64u(link.split("=")[1] ?? "") as Bytes;
const jsonIn = (link: string): unknown => JSON.parse(Buffer.from(inside(link)).toString()) as unknown;

bears("any link is of one kind", { kind: writing, samples: links, read: linkKind });
bears("the link of an invite", { kind: writing, samples: links.slice(0, 1), read: readInvite });
bears("the bytes of an invite", {
  kind: octets, samples: [inside(makeInvite(base, invite)), inside(makeInvite(base, { ...invite, relays: [], name: "" }))],
  read: (bytes) => readInvite(makeLink(base, "invite", bytes)),
  holds: (read) => expect(readInvite(makeInvite(base, read))).toEqual(read),
});
bears("the link of a pod", { kind: writing, samples: links.slice(1, 2), read: readPairing });
bears("the bytes of a pod's link", { kind: octets, samples: [relayed, join(start, Uint8Array.of(0))], read: (bytes) => readPairing(makeLink(base, "pair", bytes)) });
bears("the link of a device", { kind: writing, samples: links.slice(2), read: readJoining });
bears("what a device's link says", {
  kind: values, samples: links.slice(2).map(jsonIn),
  read: (value) => readJoining(makeLink(base, "device", utf8(written(value)))),
  holds: (read) => expect(readJoining(makeJoining(base, read))).toEqual(read),
});
bears("ways in a signed document", { kind: values, samples: [{ ways: [way, { pod, issuer: "https://pods.example" }] }], read: (value) => readWays(object(value) ?? {}, "ways") });
bears("one way", { kind: values, samples: [way, { pod, issuer: "https://pods.example" }], read: (value) => readWay(object(value) ?? {}) });
bears("ways in a contact record", { kind: values, samples: [[way, { pod, issuer: "https://pods.example" }]], read: waysOfCard });
bears("names of people", { kind: writing, samples: [`${pod}profile/card#me`, "http://[::1]:8420/"], read: isWebId });
bears("addresses of relays", { kind: writing, samples: [way.relay, "http://localhost:1/a/"], read: relayUrl });
bears("names of keys", { kind: writing, samples: [person, key], read: parseDid, holds: (did) => expect(didOfJwk(jwkOf(did))).toBe(did) });
bears("keys as JSON", { kind: values, samples: [jwkOf(person), { ...jwkOf(key), use: "sig" }], read: didOfJwk, holds: (did) => expect(parseDid(did)).toBe(did) });
bears("base64url", { kind: writing, samples: [secret, way.send, ""], read: fromB64u, holds: (bytes, text) => expect([undefined, text]).toContain(bytes && b64u(bytes)) });
bears("base32", { kind: writing, samples: [label, "mfrgg"], read: fromBase32, holds: (bytes, text) => expect([undefined, text]).toContain(bytes && base32(bytes)) });
bears("base58", { kind: writing, samples: [person.slice(9)], read: (text) => fromBase58(text, 35), holds: (bytes, text) => expect([undefined, text]).toContain(bytes && base58(bytes)) });
bears("addresses of screens", {
  kind: writing, samples: [addressOf("friends", "abc"), addressOf("post", "a/b", "ü"), "#/"], read: screenOf,
  // An address bar has no half of a character.
  holds: (path) => path.every((part) => !/\p{Surrogate}/u.test(part)) && expect(screenOf(addressOf(...path))).toEqual(path),
});
bears("what another app asks", { kind: writing, samples: [`${base}#consent=abc.def~1`], read: askedIn });
