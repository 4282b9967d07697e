import type { Why } from "../../core/backup/failure.ts";
import { useApp } from "../context.ts";
import { enBackup } from "./en/backup.ts";
import { type Shape, sentenceFor, type Words } from "./words.ts";

/** BackupWords is what a language provides about backups and the recovery kit. */
export type BackupWords = Shape<typeof enBackup>;

/** useBackupWords returns the words about backups and the recovery kit. */
export function useBackupWords(): BackupWords {
  return useApp().spoken.value.backup ?? enBackup;
}

/** reasonFor returns what to tell a person about a failure of a backup, a kit, or anything else. */
export function reasonFor(error: unknown, words: Words, backup: BackupWords): string {
  // The class itself is in a part of the core that is loaded apart.
  const { why } = Object(error) as { readonly why?: Why };
  return (why === undefined ? undefined : backup.why[why]) ?? sentenceFor(error, words);
}
