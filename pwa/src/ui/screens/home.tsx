/** Looking after one's own pod. Loaded when one goes there. */

import type { JSX } from "preact";
import type { Path } from "../route.ts";
import { BackupsScreen } from "./backups.tsx";
import { DriveScreen } from "./drive.tsx";
import { InboxScreen } from "./inbox.tsx";
import { ToldScreen } from "./told.tsx";

const screens: Readonly<Record<string, () => JSX.Element>> = {
  trouble: ToldScreen,
  backups: BackupsScreen,
  drive: DriveScreen,
  inbox: InboxScreen,
};

/** HomeScreen is the screen at one of the addresses of this part. */
export function HomeScreen({ path }: { readonly path: Path }) {
  const Found = screens[path[1] ?? ""] ?? ToldScreen;
  return <Found />;
}
