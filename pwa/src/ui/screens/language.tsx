import { useState } from "preact/hooks";
import { useApp } from "../context.ts";
import { Screen } from "../parts/screen.tsx";
import { tagFor } from "../speech.ts";
import { placeWordsOf, usePlaceWords } from "../words/places.ts";
import { primaryOf } from "../words/words.ts";

/** What each language calls itself, by its primary tag. */
const names = { en: "English", de: "Deutsch", fr: "Français", es: "Español", ar: "العربية" } as const;

/** nameOf returns what the language of a tag calls itself. */
export function nameOf(tag: string): string {
  return names[primaryOf(tag) as keyof typeof names];
}

/** The one file has no language but English in it, and no files beside it. */
const offered = (): boolean => kithFiles.some((file) => file.startsWith("part-ar-"));

/** LanguageScreen is where one chooses the language that the app speaks on this device. */
export function LanguageScreen() {
  const p = usePlaceWords();
  return (
    <Screen title={p.self.language} back={["you"]}>
      <div class="pad">{offered() ? <Choice /> : <p>{p.language.oneFile}</p>}</div>
    </Screen>
  );
}

function Choice() {
  const { attempt, kith, said, say, speech, spoken, t } = useApp();
  const p = usePlaceWords();
  const [chosen, setChosen] = useState(speech.chosen());
  const choose = async (to: string | undefined): Promise<void> => {
    setChosen(to);
    try {
      await speech.choose(to);
    } catch {
      setChosen(speech.chosen());
      said.value = { text: t.trouble.unloaded, failed: true };
      return;
    }
    say(placeWordsOf(spoken.value).language.now);
    // What the service worker says is kept with what lets it be woken.
    await attempt(async () => {
      const relays = await kith.relays();
      if (relays.wakes) await relays.setWakes(true, spoken.value.words.woken);
    });
  };
  const option = (tag: string | undefined, title: string, note?: string) => (
    <label class="row pick" key={tag}>
      <span class="row-text"><bdi class="row-title" lang={tag}>{title}</bdi>{note === undefined ? null : <span class="row-note">{note}</span>}</span>
      <input type="radio" name="language" checked={chosen === tag} onChange={() => void choose(tag)} />
    </label>
  );
  return (
    <fieldset class="card group" aria-label={p.self.language}>
      <div class="rows choices">
        {option(undefined, p.language.own, nameOf(tagFor(navigator.languages)))}
        {Object.entries(names).map(([tag, name]) => option(tag, name))}
      </div>
      <p class="state">{p.language.hint}</p>
    </fieldset>
  );
}
