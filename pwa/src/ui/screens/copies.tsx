import { useEffect, useState } from "preact/hooks";
import type { Copies } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Screen } from "../parts/screen.tsx";
import { useTalkWords } from "../words/talk.ts";
import { useTalk } from "./said.tsx";

/** For how many days copies may last; 0: for good. */
const choices = [1, 7, 30, 365, 0];

/** CopiesScreen decides how long friends' copies last, and what this device tells of its own. */
export function CopiesScreen() {
  const { attempt, kith } = useApp();
  const talk = useTalk();
  const w = useTalkWords();
  const [copies, setCopies] = useState<Copies>();
  useEffect(() => { void attempt(async () => (await kith.talk()).copies()).then((found) => { if (found !== undefined) setCopies(found); }); }, []);
  if (copies === undefined) return <Screen title={w.copies.title} back={["you"]}>{null}</Screen>;
  const set = async (to: Partial<Copies>): Promise<void> => {
    if (await talk((talk) => talk.setCopies(to))) setCopies({ ...copies, ...to });
  };
  return (
    <Screen title={w.copies.title} back={["you"]}>
      <div class="settings">
        <fieldset class="card group">
          <legend>{w.copies.last}</legend>
          <div class="rows choices">
            {choices.map((days) => (
              <label class="row pick" key={days}>
                <span class="row-text row-title">{w.copies.days(days)}</span>
                <input type="radio" name="days" checked={copies.days === days} onChange={() => void set({ days })} />
              </label>
            ))}
          </div>
          <p class="state">{w.copies.hint}</p>
        </fieldset>
        <label class="card row pick">
          <span class="row-text"><span class="row-title">{w.copies.receipts}</span><span class="row-note">{w.copies.receiptsHint}</span></span>
          <input type="checkbox" role="switch" checked={copies.receipts} onChange={(event) => void set({ receipts: event.currentTarget.checked })} />
        </label>
      </div>
    </Screen>
  );
}
