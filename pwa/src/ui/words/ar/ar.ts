import type { Language } from "../language.ts";
import { backup } from "./backup.ts";
import { elsewhere } from "./elsewhere.ts";
import { home } from "./home.ts";
import { isolated } from "./isolated.ts";
import { places } from "./places.ts";
import { relays } from "./relays.ts";
import { talk } from "./talk.ts";
import { words } from "./words.ts";

const house = isolated(home);

/** What the app says in Arabic. The name of a file and a command are no sentences and stay as they are. */
export const language: Language = {
  dir: "rtl",
  words: isolated(words),
  backup: { ...isolated(backup), name: backup.name },
  elsewhere: isolated(elsewhere),
  home: { ...house, backups: { ...house.backups, diskCommand: home.backups.diskCommand } },
  places: isolated(places),
  relays: isolated(relays),
  talk: isolated(talk),
};
