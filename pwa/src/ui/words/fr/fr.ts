import { isolated } from "../isolated.ts";
import type { Language } from "../language.ts";
import { backup } from "./backup.ts";
import { elsewhere } from "./elsewhere.ts";
import { home } from "./home.ts";
import { places } from "./places.ts";
import { relays } from "./relays.ts";
import { talk } from "./talk.ts";
import { words } from "./words.ts";

/** What the app says in French. */
export const language: Language = isolated({ dir: "ltr", words, backup, elsewhere, home, places, relays, talk });
