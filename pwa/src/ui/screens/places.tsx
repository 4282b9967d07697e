/** The places that are not the feed: loaded right after the first page, since nobody starts there. */

import type { JSX } from "preact";
import type { CircleId, ContactId } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Empty, Screen } from "../parts/screen.tsx";
import type { Path } from "../route.ts";
import { AboutScreen } from "./about.tsx";
import { CircleScreen, CirclesScreen } from "./circles.tsx";
import { ComposeScreen } from "./compose.tsx";
import { DraftsScreen } from "./drafts.tsx";
import { FriendScreen } from "./friend.tsx";
import { FriendsScreen } from "./friends.tsx";
import { LanguageScreen } from "./language.tsx";
import { StorageScreen } from "./storage.tsx";
import { MyPostsScreen, YouScreen } from "./you.tsx";

const own: Readonly<Record<string, () => JSX.Element>> = {
  "": YouScreen,
  posts: MyPostsScreen,
  drafts: DraftsScreen,
  storage: StorageScreen,
  language: LanguageScreen,
  about: AboutScreen,
};

/** PlaceScreen is the screen at a path. */
export function PlaceScreen({ path }: { readonly path: Path }) {
  const { router, t } = useApp();
  const [place = "", id, part] = path;
  if (place === "new") return <ComposeScreen />;
  if (place === "friends") return id === undefined ? <FriendsScreen /> : <FriendScreen cid={id as ContactId} part={part} />;
  if (place === "circles") return id === undefined ? <CirclesScreen /> : <CircleScreen id={id as CircleId} />;
  const Own = place === "you" ? own[id ?? ""] : undefined;
  if (Own !== undefined) return <Own />;
  return <Screen title={t.app} back={[]}><Empty title={t.trouble.nowhere}><button type="button" class="button" onClick={() => router.swap()}>{t.trouble.home}</button></Empty></Screen>;
}
