/** What the owner hears of their pod, and what they do about it, as plain values. */

/** Something that is not as it should be at the pod. */
export interface Trouble {
  /** One word for what it is: `deletions`, `conflicts`, `backup`, `unkept` and others that the pod may know. */
  readonly kind: string;
  /** Another one, where a kind has several; of a place for backups that of {@link Backup}. */
  readonly why?: string;
  /** The place for backups that it is about. */
  readonly place?: string;
  /** Bytes that there is room for. */
  readonly free?: number;
  /** When it will be worse, in milliseconds since the epoch, where the pod knows. */
  readonly until?: number;
  /** A sentence of the pod's: what it is, and what to do. */
  readonly text: string;
  /** How many things it is about; 0 when it is not about things. */
  readonly count: number;
  /** Since when, in milliseconds since the epoch, where the pod knows. */
  readonly since?: number;
  /** Some of the things, as paths in the pod. */
  readonly paths: readonly string[];
  /** What a decision on it has to name: which things they are; "" when there is nothing to decide. */
  readonly seen: string;
}

/** A place where the pod is kept a second time, sealed. Times in milliseconds since the epoch. */
export interface Backup {
  readonly id: string;
  /** A folder of the pod's machine, or an address. */
  readonly place: string;
  /** What is not known of the place yet, or known to be wrong with it; absent for one that will do. */
  readonly state?: "looking" | "refused";
  /** The name there. */
  readonly user?: string;
  /** When the place was last found to hold what the pod held. */
  readonly done?: number;
  /** When the next run is due; absent while one is asked for or under way. */
  readonly next?: number;
  /** Why the last run failed, in the pod's words. */
  readonly error?: string;
  /** The same in one word: `unreached`, `stranger`, `full`, `slow`, `changed`, `elsewhere`, `in-use`, `no-folder`, `indoors`, `missing` and others that the pod may know. */
  readonly why?: string;
  /** A run is asked for, or under way. */
  readonly waiting: boolean;
  /** It came along from another machine, and waits for a word on this one. */
  readonly unconfirmed: boolean;
  /** Something of what lies there is damaged, and not mended yet. */
  readonly damaged: boolean;
  readonly progress?: { readonly done: number; readonly total: number };
}

/** What opens a backup on another machine. */
export interface Kit {
  readonly place: string;
  readonly kit: string;
}

/** A password by which a computer opens the pod as a drive. Times in milliseconds since the epoch. */
export interface AppPassword {
  readonly id: string;
  readonly label: string;
  readonly user: string;
  /** The drive's address. */
  readonly url: string;
  readonly since: number;
  /** Absent when never. */
  readonly used?: number;
}

/** From where the drive's address leads to the pod: a drive goes by no relay. */
export type DriveAt = "anywhere" | "home" | "machine";

/** A picture that was dropped into the pod's folder to be posted. */
export interface Dropped {
  /** Where it is in the pod. */
  readonly path: string;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
}

/** The owner's own pod, as they look after it. All but `kits`, `driveAt` and `dropped` ask the pod, and are answered soon or reject. */
export interface Home {
  troubles(): Promise<readonly Trouble[]>;
  /** Decides on deletions that the pod holds back, as their trouble tells of them: carries them out everywhere, or brings the files back. False when there are others meanwhile. */
  decideDeletions(remove: boolean, trouble: Pick<Trouble, "count" | "seen">): Promise<boolean>;
  backups(): Promise<readonly Backup[]>;
  /** Says that the owner keeps copies in another way: for half a year the pod does not ask for a place. */
  keepCopies(): Promise<void>;
  /** Keeps the pod at a WebDAV folder too, once the pod has looked at it. Resolves with why nothing can be kept there, as `Backup.why` or "" where no word is known; undefined when it will do. */
  addBackup(place: string, user: string, password: string): Promise<string | undefined>;
  /** Asks for a run of all of them. */
  backUpNow(): Promise<void>;
  /** Forgets a place and its kit. */
  removeBackup(id: string): Promise<void>;
  /** The newest kits that this device holds. */
  kits(): Promise<readonly Kit[]>;
  passwords(): Promise<readonly AppPassword[]>;
  /** The secret is told this once. */
  addPassword(label: string): Promise<AppPassword & { readonly secret: string }>;
  /** Shuts out whoever uses it, at once; resolves with what lets them in again. */
  revokePassword(id: string): Promise<() => Promise<void>>;
  driveAt(): DriveAt;
  /** What lies in the pod's folder for photos, the newest first. */
  dropped(): readonly Dropped[];
  photo(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Puts away what was posted, in the folder `posted` beside the others. */
  putAway(paths: readonly string[]): Promise<void>;
}
