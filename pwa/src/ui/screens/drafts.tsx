import type { Draft } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Empty, Screen } from "../parts/screen.tsx";

/** DraftsScreen lists posts that were not finished, and edits that came second. */
export function DraftsScreen() {
  const { model, t } = useApp();
  const drafts = model.drafts.value;
  return (
    <Screen title={t.drafts.title} back={["you"]}>
      {drafts.length === 0 ? <Empty title={t.drafts.none} /> : (
        <ul class="drafts">{drafts.map((draft) => <li key={draft.id}><DraftCard draft={draft} /></li>)}</ul>
      )}
    </Screen>
  );
}

function DraftCard({ draft }: { readonly draft: Draft }) {
  const { attempt, clock, kith, opened, router, say, t } = useApp();
  const { id, pictures, post, reason, saved, text } = draft;
  const lost = reason === "lost" && post !== undefined;
  const discard = (): void => void attempt(async () => {
    await kith.removeDraft(id);
    say(t.compose.discarded, () => void attempt(() => kith.saveDraft({ text, pictures, reason, audience: draft.audience, ...(post === undefined ? {} : { post }) })));
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
    say(t.drafts.used);
  });
  return (
    <article class="card">
      <h2 class="label">{lost ? t.drafts.lost : t.drafts.typed} · {clock.ago(saved)}</h2>
      <p class="draft-text" dir="auto">{text.trim() === "" ? t.drafts.noText : text}</p>
      {pictures.length === 0 ? null : <p class="state">{t.drafts.pictures(pictures.length)}</p>}
      {lost ? <p class="state">{t.drafts.lostHint}</p> : null}
      <div class="pair">
        <button type="button" class="button" onClick={discard}>{t.drafts.discard}</button>
        <button type="button" class="button primary" onClick={lost ? use : go}>{lost ? t.drafts.use : t.drafts.go}</button>
      </div>
    </article>
  );
}
