import type { Language } from "../language.ts";
import { backup } from "./backup.ts";
import { elsewhere } from "./elsewhere.ts";
import { home } from "./home.ts";
import { isolated } from "./isolated.ts";
import { places } from "./places.ts";
import { relays } from "./relays.ts";
import { talk } from "./talk.ts";
import { words } from "./words.ts";

/** What the app says in Arabic. The name of a file is no sentence and stays as it is. */
export const language: Language = {
  dir: "rtl",
  words: isolated(words),
  backup: { ...isolated(backup), name: backup.name },
  elsewhere: isolated(elsewhere),
  home: isolated(home),
  places: isolated(places),
  relays: isolated(relays),
  talk: isolated(talk),
};
