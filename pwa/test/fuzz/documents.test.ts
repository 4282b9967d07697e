import { expect } from "vitest";
import { b64u } from "../../src/core/bytes.ts";
import { inboxACL, postACL, postsACL, readPostACL, rootACL } from "../../src/core/acl/document.ts";
import { type AudienceId, audienceText, circleText, readAudience, readCircle } from "../../src/core/acl/group.ts";
import { narrower } from "../../src/core/acl/narrower.ts";
import { membersIn, rulesIn } from "../../src/core/answer/rules.ts";
import { readTurtle } from "../../src/core/answer/turtle.ts";
import { iso, time, url } from "../../src/core/json.ts";
import type { ContactId } from "../../src/core/kith.ts";
import { type Card, cardText, readCard } from "../../src/core/pod/card.ts";
import { factsOf, recordText } from "../../src/core/pod/facts.ts";
import { gathered, idsIn, itemOf, removed, withItems } from "../../src/core/pod/gather.ts";
import { type Message, messageText, readMessage } from "../../src/core/pod/message.ts";
import { cardPath, type Folder, relaysPath, validPath } from "../../src/core/pod/paths.ts";
import { noteText, readNote } from "../../src/core/pod/post.ts";
import { saidIn } from "../../src/core/pod/replies.ts";
import { readRelays, writeRelays } from "../../src/core/relay/settings.ts";
import { values, writing, written } from "./mutate.ts";
import { bears } from "./oracle.ts";

// Documents of the tree: friends, other apps, and other devices of the person write them too.

const at = Date.parse("2026-11-22T20:00:00.750Z");
const folder = "2026-11-22-abcdefghijklmnop" as Folder;
const cid = "abcdefghijklmnopqrst" as ContactId;
const way = { relay: "https://relay.example/", send: b64u(new Uint8Array(24)) };
const card: Card = {
  name: "Ben", label: "a".repeat(52), grant: 2, devices: "a.b.c", keys: "d.e.f", accepts: ["https://ben.example/#me"], ways: [way, { pod: "https://pods.example/ben/", issuer: "https://pods.example" }],
  salt: b64u(new Uint8Array(32)), since: at, muted: false, verified: true, blocked: false, direct: true, note: "x",
};
const image = { url: "1.webp", mediaType: "image/webp", width: 3, height: 4 };
const note = { text: "Hello", published: at, updated: at + 1, lease: 30, attachments: [{ ...image, alt: "a", thumb: { ...image, url: "1-t.webp" } }] };
const messages: readonly Message[] = [
  { kind: "comment", folder, text: "yes", at, name: "Ben" }, { kind: "like", folder, at, name: "Ben" }, { kind: "undo", folder, nonce: "abc" },
  { kind: "receipt", handle: "h", device: "did:key:z" }, { kind: "keep", folder }, { kind: "kept", handle: "h" },
];
const sent = [...messages.map((message) => messageText(message as Parameters<typeof messageText>[0])), JSON.stringify({ type: "Update", object: { type: "kith:Ways", ways: [way] } })];
const said = withItems("", [itemOf({ id: "a", kind: "comment", name: "Ben", text: "yes", at }), itemOf({ id: "b", kind: "like", name: "Eva", text: "", at: at + 1 }), removed("c")]);
const relay = { url: way.relay, queue: "q", since: at };
const relays = writeRelays({ secret: new Uint8Array(32), hop: true, relays: [relay], old: [{ ...relay, secret: new Uint8Array(32), until: at + 1 }] });
const record = recordText({ published: at, deleted: at + 1 }, [{ cid, gone: 2 }]);
const audience = "bcdefghijklmnopqrsta" as AudienceId;
const lists = [rootACL, postsACL, inboxACL(cid), postACL(), postACL(audience)];
const groups = [audienceText([cid, "bcdefghijklmnopqrstu" as ContactId]), circleText({ name: 'Fa"m\n', hue: 3, members: [cid] })];
const parsed = (text: string): unknown => JSON.parse(text) as unknown;
const again = <T>(read: (text: string) => T | undefined, write: (value: T) => string) => (value: T | undefined): void => {
  if (value !== undefined) expect(read(write(value))).toEqual(value);
};

bears("contact records", { kind: values, samples: [parsed(cardText(card))], read: (value) => readCard(written(value)), holds: again(readCard, cardText) });
bears("contact records as text", { kind: writing, samples: [cardText(card)], read: readCard });
bears("posts", { kind: values, samples: [parsed(noteText(note))], read: (value) => readNote(written(value)), holds: again(readNote, noteText) });
bears("posts as text", { kind: writing, samples: [noteText(note)], read: readNote });
bears("messages", {
  kind: values, samples: sent.map(parsed), read: (value) => readMessage(written(value)),
  holds: (message) => message === undefined || message.kind === "ways" || expect(readMessage(messageText(message))).toEqual(message),
});
bears("messages as text", { kind: writing, samples: sent, read: readMessage });
bears("replies", {
  kind: values, samples: [parsed(said)], read: (value) => saidIn(written(value)),
  // What two say is all of it, whoever begins.
  holds: (_, value) => expect(idsIn(gathered(written(value), said))).toEqual(new Set([...idsIn(written(value)), ...idsIn(said)])),
});
bears("replies as text", { kind: writing, samples: [said], read: saidIn });
bears("the relays of a person", { kind: values, samples: [parsed(relays)], read: (value) => readRelays(written(value)), holds: again(readRelays, writeRelays) });
bears("the relays as text", { kind: writing, samples: [relays], read: readRelays });
bears("groups", {
  kind: writing, samples: groups, read: (text) => readAudience(text) ?? readCircle(text),
  holds: (read, text) => read === undefined || expect("members" in read ? circleText(read) : audienceText(read)).toBe(text),
});
bears("access lists of posts", { kind: writing, samples: lists, read: readPostACL, holds: (readers, text) => readers.kind !== "audience" || expect(postACL(readers.id)).toBe(text) });
bears("access lists", { kind: writing, samples: lists, read: (text) => rulesIn(readTurtle(text, "https://pods.example/ana/.acl") ?? []) });
bears("groups of others", { kind: writing, samples: groups, read: (text) => membersIn(readTurtle(text, "https://pods.example/ana/circles/a") ?? [], "https://pods.example/ana/circles/a#members") });
bears("which of two lets fewer in", {
  kind: writing, samples: [cardText(card), ...lists, ...groups],
  read: (text) => ["/x/.acl", "/social/audiences/x", cardPath(cid)].map((path) => narrower(path, text, cardText(card), () => 3) + narrower(path, cardText(card), text, () => 3)),
  holds: (sums) => expect(sums).toEqual([0, 0, 0]),
});
bears("facts of any resource", {
  kind: writing, samples: [cardText(card), noteText(note), said, relays, record, ...sent, ...lists, ...groups],
  read: (text) => [cardPath(cid), `/social/posts/${folder}/post.jsonld`, `/social/posts/${folder}/.acl`, `/social/posts/${folder}/replies.jsonld`, relaysPath, `/social/in/${cid}/a`, "/social/deleted/narrowed-a", `/circles/${cid}`, `/social/audiences/${cid}`].map((path) => factsOf(path, () => text)),
});
bears("who was asked", { kind: values, samples: [parsed(record)], read: (value) => factsOf("/social/deleted/a", () => written(value)) });
bears("times", { kind: writing, samples: [iso(at), "2026-11-22T20:00:00+02:00"], read: time, holds: (read) => read === undefined || expect(time(iso(read))).toBe(read) });
bears("addresses", { kind: writing, samples: ["https://a.example/b/", "http://localhost:8420/"], read: url });
bears("paths", { kind: writing, samples: ["/social/posts/a/b", "/ü/"], read: validPath, holds: (valid, path) => !valid || expect(encodeURI(path)).toMatch(/^\//) });
