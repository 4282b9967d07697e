/** Where somebody is reached. */

/** A pod and who gives tokens for it. */
export interface PodWay {
  /** The pod's URL, with the slash at its end. */
  readonly pod: string;
  /** Compared byte for byte; without a slash at its end. */
  readonly issuer: string;
}

/** A queue at a relay: whoever of the person's devices is awake answers what is left there. */
export interface RelayWay {
  /** The relay's URL, with the slash at its end. */
  readonly relay: string;
  /** By which one may leave messages there: base64url of 24 bytes. */
  readonly send: string;
}

/** Where somebody is reached. */
export type Way = PodWay | RelayWay;

/** maxReach is how many ways of reaching a friend are kept at most. */
export const maxReach = 8;

/** sendBytes is the length of what a way's `send` stands for. */
export const sendBytes = 24;

/** isRelay tells the two kinds of way apart. */
export function isRelay(way: Way): way is RelayWay {
  return "relay" in way;
}
