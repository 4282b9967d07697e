import {
  createContainerAt, deleteFile, getContainedResourceUrlAll, getContentType, getFile, getResourceInfo, getSolidDataset, getSourceUrl,
  isRawData, overwriteFile, saveFileInContainer,
} from "@inrupt/solid-client";
import { expect } from "vitest";
import { refused } from "./harness/refused.ts";
import { onBoth } from "./harness/servers.ts";

/** photo is a file whose bytes are no text of any kind. */
function photo(length = 70_000): File {
  return new File([bytesOf(length)], "photo.webp", { type: "image/webp" });
}

function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 167 + (index >> 8)) & 0xff);
}

async function bytes(blob: Blob): Promise<Buffer> {
  return Buffer.from(await blob.arrayBuffer());
}

onBoth("files", (it) => {
  it("a file is saved in a container under the suggested name", async ({ alice }) => {
    const parent = `${alice.pod}photos/`;
    await createContainerAt(parent, { fetch: alice.fetch });
    const saved = await saveFileInContainer(parent, photo(), { slug: "beach.webp", contentType: "image/webp", fetch: alice.fetch });
    expect(getSourceUrl(saved)).toBe(`${parent}beach.webp`);
    const found = await getFile(`${parent}beach.webp`, { fetch: alice.fetch });
    expect(getContentType(found)).toBe("image/webp");
    expect((await bytes(found)).equals(await bytes(photo()))).toBe(true);
  });

  it("a second file of the same name gets another name", async ({ alice }) => {
    const parent = `${alice.pod}twice/`;
    await createContainerAt(parent, { fetch: alice.fetch });
    const options = { slug: "same.webp", contentType: "image/webp", fetch: alice.fetch };
    await saveFileInContainer(parent, photo(10), options);
    const second = await saveFileInContainer(parent, photo(20), options);
    expect(getSourceUrl(second)).not.toBe(`${parent}same.webp`);
    expect(getContainedResourceUrlAll(await getSolidDataset(parent, { fetch: alice.fetch }))).toHaveLength(2);
    expect((await getFile(`${parent}same.webp`, { fetch: alice.fetch })).size).toBe(10);
  });

  it("a file is not saved in a container that is not there", async ({ alice }) => {
    await refused(saveFileInContainer(`${alice.pod}nowhere/`, photo(), { slug: "a", fetch: alice.fetch }), 404);
    await refused(getSolidDataset(`${alice.pod}nowhere/`, { fetch: alice.fetch }), 404);
  });

  it("overwriting makes a file with the folders above it, and replaces it", async ({ alice }) => {
    const url = `${alice.pod}notes/2026/today.txt`;
    await overwriteFile(url, new Blob(["one"], { type: "text/plain" }), { contentType: "text/plain", fetch: alice.fetch });
    await overwriteFile(url, new Blob(["two"], { type: "text/plain" }), { contentType: "text/plain", fetch: alice.fetch });
    expect(await (await getFile(url, { fetch: alice.fetch })).text()).toBe("two");
    const above = await getSolidDataset(`${alice.pod}notes/2026/`, { fetch: alice.fetch });
    expect(getContainedResourceUrlAll(above)).toEqual([url]);
  });

  it("a name without an ending keeps its media type", async ({ alice }) => {
    const url = `${alice.pod}plain`;
    await overwriteFile(url, photo(), { contentType: "image/webp", fetch: alice.fetch });
    const info = await getResourceInfo(url, { fetch: alice.fetch });
    expect(getContentType(info)).toBe("image/webp");
    expect(isRawData(info)).toBe(true);
  });

  it("names with spaces, letters of other scripts and signs come back as they were", async ({ alice }) => {
    const parent = `${alice.pod}names/`;
    const names = ["a b.txt", "größe.txt", "日記.txt", "50%.txt", "a+b&c=d.txt", ".hidden"];
    for (const name of names) {
      await overwriteFile(parent + encodeURIComponent(name), new Blob([name]), { contentType: "text/plain", fetch: alice.fetch });
    }
    const listed = getContainedResourceUrlAll(await getSolidDataset(parent, { fetch: alice.fetch }));
    expect(listed.map((url) => decodeURIComponent(url.slice(parent.length))).sort()).toEqual([...names].sort());
    for (const url of listed) {
      expect(await (await getFile(url, { fetch: alice.fetch })).text()).toBe(decodeURIComponent(url.slice(parent.length)));
    }
  });

  it("part of a file is read by range", async ({ alice }) => {
    const url = `${alice.pod}ranged`;
    await overwriteFile(url, photo(), { contentType: "image/webp", fetch: alice.fetch });
    const part = await alice.fetch(url, { headers: { range: "bytes=100-199" } });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 100-199/70000"]);
    expect(Buffer.from(await part.arrayBuffer()).equals(Buffer.from(bytesOf(70_000).slice(100, 200)))).toBe(true);
  });

  it("a deleted file is gone, from the listing too", async ({ alice }) => {
    const parent = `${alice.pod}bin/`;
    await overwriteFile(`${parent}old.txt`, new Blob(["x"]), { contentType: "text/plain", fetch: alice.fetch });
    await deleteFile(`${parent}old.txt`, { fetch: alice.fetch });
    await refused(getFile(`${parent}old.txt`, { fetch: alice.fetch }), 404);
    expect(getContainedResourceUrlAll(await getSolidDataset(parent, { fetch: alice.fetch }))).toEqual([]);
    await refused(deleteFile(`${parent}old.txt`, { fetch: alice.fetch }), 404);
  });

  it("resource info says what one may do, to everyone for themself", async ({ alice, bob }) => {
    const url = `${alice.pod}info.txt`;
    await overwriteFile(url, new Blob(["x"]), { contentType: "text/plain", fetch: alice.fetch });
    const mine = await getResourceInfo(url, { fetch: alice.fetch });
    expect(mine.internal_resourceInfo.permissions).toEqual({
      user: { read: true, append: true, write: true, control: true },
      public: { read: false, append: false, write: false, control: false },
    });
    await refused(getResourceInfo(url, { fetch: bob.fetch }), 403);
    await refused(getResourceInfo(url), 401);
  });

  it("a file of four megabytes goes up and comes down", async ({ alice }) => {
    const url = `${alice.pod}large.bin`;
    await overwriteFile(url, new Blob([bytesOf(4 << 20)]), { contentType: "application/octet-stream", fetch: alice.fetch });
    const found = await bytes(await getFile(url, { fetch: alice.fetch }));
    expect(found.equals(Buffer.from(bytesOf(4 << 20)))).toBe(true);
  });
});
