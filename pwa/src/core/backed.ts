/** The phone's own backup and the recovery kit, as the views know them. */

/** How a long piece of work goes on: `progress` hears how many bytes of how many are done, `signal` stops it. */
export interface BackupCourse {
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

/** How it stands with the recovery kit. */
export interface KitState {
  /** When the kit was made, in milliseconds since the epoch; absent when there is none. */
  readonly since?: number;
  /** It was put away: this device has nothing left of what only the kit opens. */
  readonly put: boolean;
  /** Another kit can be made with this one alone. */
  readonly needsOld: boolean;
}

/** The phone's own backup. Methods reject with a `BackupError` (core/backup/failure.ts) where a file or a kit is not what it should be. */
export interface Backups {
  kit(): Promise<KitState>;
  /** Makes a kit, in place of the one before, and returns its code, which is kept nowhere; `old` is the code of the one before, where it is needed. */
  makeKit(old?: string): Promise<string>;
  putAway(): Promise<void>;
  /** Resolves when the code is the one of the kit, and rejects otherwise. */
  check(code: string): Promise<void>;
  /** Writes a backup, piece by piece. */
  write(sink: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>, course: BackupCourse): Promise<void>;
  /** Notes that the person has the file. */
  kept(): Promise<void>;
}

/** What is decided when a person comes back. */
export interface RestoreChoice {
  /** The device that made the backup is lost: it is shut out. */
  readonly shutOut: boolean;
}

/** When this phone was backed up. */
export interface BackedUp {
  /** In milliseconds since the epoch; absent when never. */
  readonly last?: number;
  /** There was none for seven days. */
  readonly due: boolean;
}
