/** Backups of this phone, and the kit that opens them (docs/protocol.md, The recovery kit). It is loaded when somebody looks at them. */

import { b64u, type Bytes, fromB64u } from "../bytes.ts";
import { KithError } from "../errors.ts";
import { given } from "../given.ts";
import type { Backups as Interface, BackupCourse, KitState } from "../kith.ts";
import { kitPath } from "../pod/paths.ts";
import { ownLists } from "../pod/profile.ts";
import { jose } from "../pod/tree.ts";
import { ownSalt, pairMac } from "../sealed/pair.ts";
import type { Session } from "../sync/session.ts";
import { newestKey } from "../webid/agreement.ts";
import type { Label, Signer } from "../webid/key.ts";
import { personSigner, recoverySetting } from "../webid/person.ts";
import { signerOf } from "../webid/records.ts";
import { Refusal } from "../webid/verdict.ts";
import { aboutRecord, endRecord, rowRecord, rowsOf, settingRecord, settingsOf } from "./content.ts";
import { BackupError } from "./failure.ts";
import { type Sink, Writer } from "./file.ts";
import { codeOf, type Kit, makeKit, openKit, readCode, readKit } from "./kit.ts";

export { restore } from "./restore.ts";

/** lastBackup is the setting with when a backup was last handed over. */
export const lastBackup = "backup/last";

/** Backups is the core's part of it; where a file goes, the views know. */
export class Backups implements Interface {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async kit(): Promise<KitState> {
    const kit = await this.#kit();
    const here = this.#session.store.get(recoverySetting) !== undefined;
    return given({ since: kit?.since, put: kit !== undefined && !here, needsOld: !here });
  }

  async makeKit(old?: string): Promise<string> {
    const { env, store, tree } = this.#session;
    const before = await this.#kit();
    const { person, recovery } = await this.#person(before, old);
    const secret = env.random(16);
    const kit = await makeKit(secret, person, recovery, { serial: (before?.serial ?? 0) + 1, now: env.now(), nonce: env.random(12) });
    // Until the new one is put away, what only it would open stays here too: who closes the page now can make another.
    await store.apply([{ set: recoverySetting, value: b64u(recovery) }]);
    await tree.act("other", (batch) => batch.putText(kitPath, jose, kit.text));
    this.#session.emit("storage");
    return codeOf(secret);
  }

  async putAway(): Promise<void> {
    await this.#mustKit();
    await this.#session.store.apply([{ unset: recoverySetting }]);
    this.#session.emit("storage");
  }

  async check(code: string): Promise<void> {
    await openKit(await this.#mustKit(), await readCode(code));
  }

  async write(sink: Sink, { signal, progress }: BackupCourse): Promise<void> {
    const { store, me, env, tree } = this.#session;
    const kit = await this.#mustKit();
    const key = newestKey((await ownLists(tree)).keys, me.device)?.key;
    if (key === undefined) throw new KithError("no-such", "write backup: this device has no agreement key");
    const salt = await ownSalt(me.label as Label);
    let enc: Bytes = new Uint8Array(0);
    const writer = await Writer.open(sink, kit, (begun) => (enc = begun));
    const rows = rowsOf(store);
    const total = rows.reduce((sum, { size, here }) => sum + (here ? size : 0), 0);
    let done = 0;
    await writer.write(aboutRecord({ label: me.label, name: me.name, device: me.device, key, made: env.now() }));
    for (const name of settingsOf(store)) await writer.write(settingRecord(name, store.get(name)));
    for (const { path } of rows) {
      if (signal.aborted) throw new BackupError("stopped", "write backup: it was stopped");
      const bytes = await store.bytes(path);
      // What was deleted meanwhile is not kept in a backup.
      const row = store.row(path);
      if (row !== undefined) await writer.write(rowRecord(row, bytes));
      progress((done += bytes?.length ?? 0), total);
    }
    await writer.write(endRecord());
    // Whoever has the head of a backup can seal another body to its kit: only a device of the person can make the proof.
    await writer.end(async (digest) => pairMac((await signerOf(env.keys, key)).key, { key: kit.key, salt }, enc, digest));
  }

  async kept(): Promise<void> {
    const { store, env } = this.#session;
    await store.apply([{ set: lastBackup, value: env.now() }]);
    this.#session.emit("storage");
  }

  /** kit returns the kit of the tree, if the person key signed it. */
  async #kit(): Promise<Kit | undefined> {
    const { tree, list } = this.#session;
    const text = await tree.text(kitPath);
    if (text === undefined) return undefined;
    return readKit(text, list.person).catch((error: unknown) => {
      if (error instanceof Refusal) return undefined;
      throw error;
    });
  }

  async #mustKit(): Promise<Kit> {
    const kit = await this.#kit();
    if (kit === undefined) throw new KithError("no-such", "find kit: there is none");
    return kit;
  }

  /** person returns the person key: from this device where it is, else from the kit before. */
  async #person(before: Kit | undefined, old: string | undefined): Promise<{ readonly person: Signer; readonly recovery: Bytes }> {
    const { store, tree } = this.#session;
    const recovery = fromB64u(String(store.get(recoverySetting) ?? "!"));
    if (recovery !== undefined) return { person: await personSigner(b64u(recovery), (await ownLists(tree)).devices.person), recovery };
    if (before === undefined) throw new BackupError("other-kit", "make kit: another device has to");
    return openKit(before, await readCode(old ?? ""));
  }
}
