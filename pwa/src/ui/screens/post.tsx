import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Post, PostRef } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { ChangeAudience, WhoCanSee } from "../parts/audience.tsx";
import { Card } from "../parts/post.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { Ask, Sheet } from "../parts/sheet.tsx";
import { addressOf } from "../route.ts";
import { type TalkWords, useTalkWords } from "../words/talk.ts";
import type { Words } from "../words/words.ts";
import { Keep, KeepAsked } from "./keep.tsx";
import { Said, useConversation } from "./said.tsx";

/** PostScreen shows the post that an alias stands for; the feed when it stands for none any more. */
export function PostScreen({ alias }: { readonly alias: string }) {
  const { aliases, router } = useApp();
  const ref = aliases.post(alias);
  useEffect(() => { if (ref === undefined) router.swap(); }, [ref]);
  return ref === undefined ? null : <OnePost postRef={ref} />;
}

/** OnePost shows one post whole, who can see it, and what can be done with it. */
function OnePost({ postRef }: { readonly postRef: PostRef }) {
  const { t } = useApp();
  const w = useTalkWords();
  const post = usePost(postRef);
  const conversation = useConversation(postRef);
  const [changing, setChanging] = useState(false);
  if (post === "reading") return <Screen title={t.post.title} back={[]}>{null}</Screen>;
  if (post === undefined) return <Screen title={t.post.title} back={[]}><Empty title={w.post.gone} hint={w.post.goneHint} /></Screen>;
  return (
    <Screen title={t.post.title} back={[]} asideLabel={t.audience.title} aside={<WhoCanSee post={post} onChange={() => setChanging(true)} />}>
      <Card post={post} whole />
      {conversation === undefined ? null : (
        <>
          {conversation.asks.map((who) => <KeepAsked key={who.cid} post={post} who={who} />)}
          <Said post={post} replies={conversation.replies} />
        </>
      )}
      {post.author === undefined ? <OwnActions post={post} /> : (
        <FriendActions post={post} author={post.author}>{conversation === undefined ? null : <Keep post={post} conversation={conversation} />}</FriendActions>
      )}
      {changing ? <ChangeAudience post={post} onClose={() => setChanging(false)} /> : null}
    </Screen>
  );
}

function usePost(ref: PostRef): Post | "reading" | undefined {
  const { attempt, kith, model } = useApp();
  const [post, setPost] = useState<Post | "reading" | undefined>("reading");
  const changes = model.changes.value;
  useEffect(() => {
    let left = false;
    void attempt(() => kith.readPost(ref)).then((found) => { if (!left) setPost(found); });
    return () => { left = true; };
  }, [ref, changes]);
  return post;
}

function FriendActions({ post, author, children }: { readonly post: Post; readonly author: NonNullable<Post["author"]>; readonly children: ComponentChildren }) {
  const { attempt, kith, pictures, say } = useApp();
  const w = useTalkWords();
  const purge = async (): Promise<void> => {
    await attempt(async () => {
      await kith.purge(post.ref);
      pictures.drop(post.ref);
      say(w.post.purged1);
    });
  };
  return (
    <nav class="actions" aria-label={w.post.actions}>
      <a class="button" href={addressOf("friends", author)}>{w.post.author(post.authorName)}</a>
      {post.purged ? null : <button type="button" class="button" onClick={() => void purge()}>{w.post.purge}</button>}
      {children}
    </nav>
  );
}

function OwnActions({ post }: { readonly post: Post }) {
  const w = useTalkWords();
  const [open, setOpen] = useState<"edit" | "remove">();
  const close = (): void => setOpen(undefined);
  return (
    <div class="actions" role="group" aria-label={w.post.actions}>
      <button type="button" class="button" onClick={() => setOpen("edit")}>{w.post.edit}</button>
      <button type="button" class="button danger" onClick={() => setOpen("remove")}>{w.post.remove}</button>
      {open === "edit" ? <EditText post={post} onClose={close} onAgain={() => setOpen("edit")} /> : null}
      {open === "remove" ? <Remove post={post} onClose={close} /> : null}
    </div>
  );
}

function Remove({ post, onClose }: { readonly post: Post; readonly onClose: () => void }) {
  const { attempt, kith, model, pictures, router, say, t } = useApp();
  const w = useTalkWords();
  const asked = post.state === "phone" ? 0 : post.audience.people.length;
  const remove = async (): Promise<void> => {
    onClose();
    await attempt(async () => {
      await kith.remove(post.ref);
      pictures.drop(post.ref);
      router.back();
      if (asked === 0) say(w.post.removed);
      else say(w.post.removedAsked(asked), () => router.go("you", "deleted"), w.post.who);
    });
  };
  return <Ask title={w.post.removeTitle} text={removeWords(post, model.devices.value.length > 1, t, w)} yes={w.post.remove} no={w.post.keep} onYes={() => void remove()} onNo={onClose} />;
}

function removeWords({ audience, state }: Post, others: boolean, t: Words, w: TalkWords): string {
  if (state === "phone") return w.post.removePhone;
  if (audience.kind === "custom") return w.post.removeCustom;
  return audience.people.length === 0 ? w.post.removeMe(others) : w.post.removeShared(t.names(audience.people.map(({ name }) => name)));
}

/** A change that is left is kept as a draft, with which editing begins the next time. */
function EditText({ post, onClose, onAgain }: { readonly post: Post; readonly onClose: () => void; readonly onAgain: () => void }) {
  const { attempt, kith, leaving, model, say, t } = useApp();
  const w = useTalkWords();
  const draft = model.drafts.value.find((each) => each.reason === "typed" && each.post === post.ref);
  const [text, setText] = useState(draft?.text ?? post.text);
  // One after the other, so that there is only one draft.
  const stored = useRef(Promise.resolve(draft?.id));
  const store = async (id: string | undefined): Promise<string | undefined> => {
    if (text !== post.text) return kith.saveDraft({ ...(id === undefined ? {} : { id }), text, pictures: [], audience: { kind: "me" }, reason: "typed", post: post.ref });
    if (id !== undefined) await kith.removeDraft(id);
    return undefined;
  };
  const keep = (): Promise<unknown> => stored.current = stored.current.catch(() => draft?.id).then(store);
  useEffect(() => {
    leaving.add(keep);
    return () => { leaving.delete(keep); };
  });
  const leave = (): void => {
    onClose();
    void attempt(keep).then(() => { if (text !== post.text) say(w.post.editKept, onAgain, w.post.editOn); });
  };
  const save = async (): Promise<void> => {
    const act = async (): Promise<true> => {
      await kith.edit(post.ref, text);
      const id = await stored.current;
      if (id !== undefined) await kith.removeDraft(id);
      return true;
    };
    if ((await attempt(act)) === true) onClose();
  };
  const empty = text.trim() === "" && post.pictures.length === 0;
  return (
    <Sheet title={w.post.editTitle} onClose={leave} foot={
      <>
        <button type="button" class="button" onClick={leave}>{t.cancel}</button>
        <button type="button" class="button primary" disabled={empty || text === post.text} onClick={() => void save()}>{t.save}</button>
      </>
    }>
      <textarea class="write" aria-label={w.post.editTitle} value={text} dir="auto" autocomplete="off" rows={6} onInput={(event) => setText(event.currentTarget.value)} />
      <p class="state">{w.post.editHint}</p>
    </Sheet>
  );
}
