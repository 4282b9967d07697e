/** A person's devices, as the views know them. */

/** Device is one of them, or the pod, which acts as one. */
export interface Device {
  readonly kid: string;
  readonly name: string;
  readonly self: boolean;
  readonly isPod: boolean;
  readonly admin: boolean;
}

/** Parted is a device that disagrees with this one about which devices the person has. */
export interface Parted {
  /** What it is called. */
  readonly name: string;
  /** It has taken this device off its list; else it only stays on its own, though it was removed. */
  readonly off: boolean;
  /** When this device met that, in milliseconds since the epoch. */
  readonly at: number;
}
