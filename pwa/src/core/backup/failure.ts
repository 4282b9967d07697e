/** Why a backup or a kit is not taken. */

import { KithError } from "../errors.ts";

/** `no-backup`: the file is none. `damaged`: it was cut off or altered. `newer`: a newer Kith wrote it. `other-kit`: the kit does not open it.
 * `no-kit`: what was typed is not a kit. `stopped`: the person stopped it. */
export type Why = "no-backup" | "damaged" | "newer" | "other-kit" | "no-kit" | "stopped";

/** BackupError says why; the views have a sentence for each. */
export class BackupError extends KithError {
  readonly why: Why;
  constructor(why: Why, message: string, options?: ErrorOptions) {
    super("not-taken", message, options);
    this.name = "BackupError";
    this.why = why;
  }
}
