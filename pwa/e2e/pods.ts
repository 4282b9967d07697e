/** A pod as its owner finds it on the disk: a folder of plain files. */

import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "./harness.ts";

/** podFolder returns where the pod of that name lies. */
export function podFolder(host: Host, name: string): string {
  return join(host.folder, "pods", name);
}

/** podFiles returns the content of every file of a pod, by path: `/social/posts/…/post.jsonld`. */
export async function podFiles(host: Host, name: string): Promise<Map<string, Buffer>> {
  const folder = podFolder(host, name);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(async (file) => [file.slice(folder.length), await readFile(file)] as const)));
}

/** podPosts returns the texts of a pod's posts by the names of their folders. */
export async function podPosts(host: Host, name: string): Promise<Map<string, string>> {
  const posts = new Map<string, string>();
  for (const [path, content] of await podFiles(host, name)) {
    const folder = /^\/social\/posts\/([^/]+)\/post\.jsonld$/.exec(path)?.[1];
    if (folder !== undefined) posts.set(folder, String((JSON.parse(content.toString()) as { content?: unknown }).content));
  }
  return posts;
}

/** postNamed returns the name of the folder that holds the post with that text. */
export async function postNamed(host: Host, name: string, text: string): Promise<string> {
  for (const [folder, said] of await podPosts(host, name)) if (said === text) return folder;
  throw new Error(`find post: the pod ${name} has none that says "${text}"`);
}

/** emptyPod removes every file of a pod, as a hand in the folder does. */
export async function emptyPod(host: Host, name: string): Promise<void> {
  for (const entry of await readdir(podFolder(host, name))) await rm(join(podFolder(host, name), entry), { recursive: true });
}
