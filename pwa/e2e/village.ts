/** A pod as large as Kith is made for, laid into the folder of a stopped host as plain files (protocol §2.1):
 * friends with real keys, circles, audiences, and years of posts. */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { inboxACL, postACL } from "../src/core/acl/document.ts";
import { type AudienceId, audienceText, circleText } from "../src/core/acl/group.ts";
import { b64u } from "../src/core/bytes.ts";
import { memoryKeyRecords } from "../src/core/index.ts";
import type { ContactId } from "../src/core/kith.ts";
import { cardText } from "../src/core/pod/card.ts";
import { noteText } from "../src/core/pod/post.ts";
import { makePerson } from "../src/core/webid/person.ts";

const day = 24 * 3600_000;

/** Years is how many posts are laid and who can see them: one in three each for all friends, for one circle after
 * the other, and for the owner alone. */
export interface Years {
  readonly posts: number;
  readonly all: AudienceId;
  readonly circles: readonly AudienceId[];
}

/** layFriends adds contacts to the pod in a folder, and returns their ids. */
export async function layFriends(folder: string, count: number): Promise<ContactId[]> {
  const cids = Array.from({ length: count }, (_, i) => named("f", i) as ContactId);
  for (const [i, cid] of cids.entries()) {
    const { devices, keys } = await makePerson(memoryKeyRecords(), "Phone", Date.now());
    const label = devices.label;
    const card = cardText({
      name: `Friend ${String(i + 1).padStart(3, "0")}`, label, grant: 1, devices: devices.text, keys: keys.text, accepts: [devices.person], ways: [],
      salt: b64u(crypto.getRandomValues(new Uint8Array(32))), since: Date.now() - i * day, muted: false, verified: false, blocked: false, direct: false, note: "",
    });
    await lay(folder, `contacts/${cid}/card`, card, "application/ld+json");
    await lay(folder, `social/in/${cid}/.acl`, inboxACL(cid));
  }
  return cids;
}

/** layCircles makes circles of equal size of the contacts, and for each the audience of the same people. */
export async function layCircles(folder: string, count: number, friends: readonly ContactId[]): Promise<AudienceId[]> {
  const audiences: AudienceId[] = [];
  for (let i = 0; i < count; i++) {
    const members = friends.filter((_, n) => n % count === i);
    const audience = named("a", i) as AudienceId;
    audiences.push(audience);
    await lay(folder, `circles/${named("c", i)}`, circleText({ name: `Circle ${i + 1}`, hue: i % 8, members }), "text/turtle");
    await lay(folder, `social/audiences/${audience}`, audienceText(members), "text/turtle");
  }
  return audiences;
}

/** layPosts adds posts to the pod in a folder, the newest of today and then one every two hours back. */
export async function layPosts(folder: string, { posts, all, circles }: Years): Promise<void> {
  const audienceOf = (i: number): AudienceId | undefined => [all, circles[i % circles.length], undefined][i % 3];
  for (let i = 0; i < posts; i++) {
    const published = Date.now() - (i + 1) * (day / 12);
    const at = `social/posts/${new Date(published).toISOString().slice(0, 10)}-${named("p", i).slice(4)}`;
    const text = `Post ${i}: ${"what a day it was. ".repeat(1 + (i % 12))}`;
    await lay(folder, `${at}/post.jsonld`, noteText({ text, published, attachments: [] }));
    await lay(folder, `${at}/.acl`, postACL(audienceOf(i)));
  }
}

/** lay writes one file; where its name does not tell the media type, a second file beside it does. */
async function lay(folder: string, path: string, content: string, type?: string): Promise<void> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  if (type !== undefined) await writeFile(file.replace(/[^/]+$/, (name) => `.kith-type.${name}`), `${type}\n`);
}

/** named returns the name of the number i of a kind: 20 characters of base32. */
function named(kind: string, i: number): string {
  const digits = [...i.toString(32).padStart(6, "0")].map((digit) => "abcdefghijklmnopqrstuvwxyz234567"[parseInt(digit, 32)]);
  return `${kind.repeat(14)}${digits.join("")}`;
}
