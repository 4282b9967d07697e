import { useState } from "preact/hooks";
import type { Friend } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Icon } from "../parts/icon.tsx";
import { NameSheet } from "../parts/name.tsx";
import { Ask } from "../parts/sheet.tsx";
import { addressOf } from "../route.ts";
import { Words } from "./friend.tsx";

/** AboutFriend is all that is one's own to decide about a friend. */
export function AboutFriend({ friend }: { readonly friend: Friend }) {
  const [open, setOpen] = useState<"words" | "name" | "remove">();
  const close = (): void => setOpen(undefined);
  return (
    <div class="settings">
      <Trust friend={friend} onCompare={() => setOpen("words")} />
      <Circles friend={friend} />
      <Settings friend={friend} onRename={() => setOpen("name")} onRemove={() => setOpen("remove")} />
      {open === "words" ? <Words friend={friend} onClose={close} /> : null}
      {open === "name" ? <Rename friend={friend} onClose={close} /> : null}
      {open === "remove" ? <Remove friend={friend} onClose={close} /> : null}
    </div>
  );
}

function Trust({ friend, onCompare }: { readonly friend: Friend; readonly onCompare: () => void }) {
  const { t } = useApp();
  const sentence = friend.keysChanged ? t.friends.keysChanged : friend.verified ? t.friend.verified : t.friend.unverified;
  return (
    <section class="card">
      <p>{sentence}</p>
      <button type="button" class="button" onClick={onCompare}>{t.friend.compare}</button>
    </section>
  );
}

function Circles({ friend }: { readonly friend: Friend }) {
  const { attempt, kith, model, t } = useApp();
  const circles = model.circles.value;
  return (
    <fieldset class="card group">
      <legend class="label">{t.friend.circles}</legend>
      {circles.length === 0 ? <p class="state">{t.friend.noCircles} <a class="link" href={addressOf("circles")}>{t.circles.add}</a></p> : null}
      {circles.map(({ id, name, hue, members }) => (
        <label class="row pick" key={id}>
          <span class={`dot tint-${hue}`} aria-hidden="true" />
          <span class="row-text row-title"><bdi>{name}</bdi></span>
          <input type="checkbox" checked={members.includes(friend.cid)} onChange={(event) => {
            const others = members.filter((cid) => cid !== friend.cid);
            void attempt(() => kith.setMembers(id, event.currentTarget.checked ? [...others, friend.cid] : others));
          }} />
        </label>
      ))}
    </fieldset>
  );
}

interface SettingsProps {
  readonly friend: Friend;
  readonly onRename: () => void;
  readonly onRemove: () => void;
}

function Settings({ friend, onRename, onRemove }: SettingsProps) {
  const { attempt, clock, kith, say, t } = useApp();
  const { cachedBytes, cid, muted } = friend;
  const purge = (): void => void attempt(() => kith.purgeFriend(cid).then(() => say(t.friend.purged)));
  return (
    <section class="card">
      <label class="row pick">
        <span class="row-text"><span class="row-title">{t.friend.mute}</span><span class="row-note">{t.friend.muteHint}</span></span>
        <input type="checkbox" role="switch" checked={muted} onChange={(event) => void attempt(() => kith.muteFriend(cid, event.currentTarget.checked))} />
      </label>
      <button type="button" class="row" onClick={onRename}><span class="row-text row-title">{t.friend.rename}</span><Icon name="next" small /></button>
      <div class="row stack">
        <span class="row-text"><span class="row-title">{t.friend.storage}</span><span class="row-note">{cachedBytes > 0 ? t.friend.keeps(clock.bytes(cachedBytes)) : t.friend.keepsNone}</span></span>
        {cachedBytes > 0 ? <button type="button" class="button" onClick={purge}>{t.friend.purge}</button> : null}
      </div>
      <button type="button" class="row danger-text" onClick={onRemove}><span class="row-text row-title">{t.friend.remove}</span></button>
    </section>
  );
}

function Rename({ friend, onClose }: { readonly friend: Friend; readonly onClose: () => void }) {
  const { attempt, kith, t } = useApp();
  return <NameSheet title={t.friend.rename} hint={t.friend.renameHint} value={friend.name} onClose={onClose} onName={(name) => void attempt(() => kith.renameFriend(friend.cid, name))} />;
}

function Remove({ friend, onClose }: { readonly friend: Friend; readonly onClose: () => void }) {
  const { attempt, kith, router, say, t } = useApp();
  const remove = (): void => {
    onClose();
    void attempt(async () => {
      await kith.removeFriend(friend.cid);
      router.swap("friends");
      say(t.friend.removed(friend.name));
    });
  };
  return <Ask title={t.friend.removeTitle(friend.name)} text={t.friend.removeText(friend.name)} yes={t.friend.removeYes} no={t.friend.keep} onYes={remove} onNo={onClose} />;
}
