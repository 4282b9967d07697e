import type { Draft } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Empty, Screen } from "../parts/screen.tsx";
import { usePlaceWords } from "../words/places.ts";

/** DraftsScreen lists posts that were not finished, and edits that came second. */
export function DraftsScreen() {
  const { model } = useApp();
  const p = usePlaceWords();
  const drafts = model.drafts.value;
  return (
    <Screen title={p.drafts.title} back={["you"]}>
      {drafts.length === 0 ? <Empty title={p.drafts.none} /> : (
        <ul class="drafts">{drafts.map((draft) => <li key={draft.id}><DraftCard draft={draft} /></li>)}</ul>
      )}
    </Screen>
  );
}

function DraftCard({ draft }: { readonly draft: Draft }) {
  const { attempt, clock, kith, opened, router, say } = useApp();
  const p = usePlaceWords();
  const { id, pictures, post, reason, saved, text } = draft;
  const lost = reason === "lost" && post !== undefined;
  const edit = post !== undefined;
  const discard = (): void => void attempt(async () => {
    await kith.removeDraft(id);
    say(p.compose.discarded, () => void attempt(() => kith.saveDraft({ text, pictures, reason, audience: draft.audience, ...(post === undefined ? {} : { post }) })));
  });
  const go = (): void => {
    opened.value = draft;
    router.go("new");
  };
  const use = (): void => void attempt(async () => {
    // A post that was deleted meanwhile can only be written anew.
    if (post === undefined || (await kith.readPost(post)) === undefined) return go();
    await kith.edit(post, text);
    await kith.removeDraft(id);
    say(p.drafts.used);
  });
  return (
    <article class="card">
      <h2 class="label">{lost ? p.drafts.lost : edit ? p.drafts.edit : p.drafts.typed} · {clock.ago(saved)}</h2>
      <p class="draft-text" dir="auto">{text.trim() === "" ? p.drafts.noText : text}</p>
      {pictures.length === 0 ? null : <p class="state">{p.drafts.pictures(pictures.length)}</p>}
      {lost ? <p class="state">{p.drafts.lostHint}</p> : null}
      <div class="pair">
        <button type="button" class="button" onClick={discard}>{p.drafts.discard}</button>
        <button type="button" class="button primary" onClick={edit ? use : go}>{edit ? p.drafts.use : p.drafts.go}</button>
      </div>
    </article>
  );
}
