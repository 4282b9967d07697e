/** Reaching others and being reached: pod, relays, devices, invites, what waits, backups. Loaded when one goes there. */

import type { JSX } from "preact";
import type { Path } from "../route.ts";
import { AddScreen } from "./add.tsx";
import { BackupScreen } from "./backup.tsx";
import { DevicesScreen } from "./devices.tsx";
import { InviteScreen } from "./invite.tsx";
import { PodScreen } from "./pod.tsx";
import { RelaysScreen } from "./relay-list.tsx";
import { WaitingScreen } from "./waiting.tsx";

export { RestoreScreen } from "./restore.tsx";

const screens: Readonly<Record<string, () => JSX.Element>> = {
  invite: InviteScreen,
  add: AddScreen,
  pod: PodScreen,
  relays: RelaysScreen,
  devices: DevicesScreen,
  waiting: WaitingScreen,
  backup: BackupScreen,
  // Where Kith is new, this address brings a person back; where it is not, this screen says so.
  restore: BackupScreen,
};

/** ReachScreen is the screen at one of the addresses of this part. */
export function ReachScreen({ path }: { readonly path: Path }) {
  const Found = screens[(path[0] === "you" ? path[1] : path[0]) ?? ""] ?? InviteScreen;
  return <Found />;
}
