import type { BackupWords } from "./backup.ts";
import type { ElsewhereWords } from "./elsewhere.ts";
import type { HomeWords } from "./home.ts";
import type { PlaceWords } from "./places.ts";
import type { RelayWords } from "./relays.ts";
import type { TalkWords } from "./talk.ts";
import type { Words } from "./words.ts";

/** Language is everything that the app says in one language: a part of the app of its own. English is not one, it lies with the screens that say it. */
export interface Language {
  /** The direction of its script. */
  readonly dir: "ltr" | "rtl";
  readonly words: Words;
  readonly backup: BackupWords;
  readonly elsewhere: ElsewhereWords;
  readonly home: HomeWords;
  readonly places: PlaceWords;
  readonly relays: RelayWords;
  readonly talk: TalkWords;
}
