import { useState } from "preact/hooks";
import type { Friend } from "../../core/kith.ts";
import { useRelays } from "../asking.ts";
import { useApp } from "../context.ts";
import { Icon } from "../parts/icon.tsx";
import { NameSheet } from "../parts/naming.tsx";
import { Ask } from "../parts/sheet.tsx";
import { addressOf } from "../route.ts";
import { Words } from "./friend.tsx";
import { usePlaceWords } from "../words/places.ts";

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
  const p = usePlaceWords();
  const sentence = friend.differed ? p.friend.differed : friend.keysChanged ? p.friends.keysChanged : friend.verified ? p.friend.verified : p.friend.unverified;
  return (
    <section class="card">
      <p class={friend.differed ? "danger-text" : ""}>{sentence}</p>
      <button type="button" class="button" onClick={onCompare}>{p.friend.compare}</button>
    </section>
  );
}

function Circles({ friend }: { readonly friend: Friend }) {
  const { attempt, kith, model } = useApp();
  const p = usePlaceWords();
  const circles = model.circles.value;
  return (
    <fieldset class="card group">
      <legend class="label">{p.friend.circles}</legend>
      {circles.length === 0 ? <p class="state">{p.friend.noCircles} <a class="link" href={addressOf("circles")}>{p.circles.add}</a></p> : null}
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
  const { attempt, clock, kith, say } = useApp();
  const p = usePlaceWords();
  const { cachedBytes, cid, muted } = friend;
  const purge = (): void => void attempt(() => kith.purgeFriend(cid).then(() => say(p.friend.purged)));
  return (
    <section class="card">
      <label class="row pick">
        <span class="row-text"><span class="row-title">{p.friend.mute}</span><span class="row-note">{p.friend.muteHint}</span></span>
        <input type="checkbox" role="switch" checked={muted} onChange={(event) => void attempt(() => kith.muteFriend(cid, event.currentTarget.checked))} />
      </label>
      <Direct cid={cid} />
      <button type="button" class="row" onClick={onRename}><span class="row-text row-title">{p.friend.rename}</span><Icon name="next" small /></button>
      <div class="row stack">
        <span class="row-text">
          <span class="row-title">{p.friend.storage}</span>
          <span class="row-note">{cachedBytes > 0 ? p.friend.keeps(clock.bytes(cachedBytes)) : p.friend.keepsNone}</span>
        </span>
        {cachedBytes > 0 ? <button type="button" class="button" onClick={purge}>{p.friend.purge}</button> : null}
      </div>
      <button type="button" class="row danger-text" onClick={onRemove}><span class="row-text row-title">{p.friend.remove}</span></button>
    </section>
  );
}

/** Direct is there for friends whom this device could connect to. */
function Direct({ cid }: Pick<Friend, "cid">) {
  const { attempt } = useApp();
  const p = usePlaceWords();
  const { all } = useRelays();
  const allowed = all?.direct(cid);
  if (all === undefined || allowed === undefined) return null;
  return (
    <label class="row pick">
      <span class="row-text"><span class="row-title">{p.friend.direct}</span><span class="row-note">{p.friend.directHint}</span></span>
      <input type="checkbox" role="switch" checked={allowed} onChange={(event) => void attempt(() => all.setDirect(cid, event.currentTarget.checked))} />
    </label>
  );
}

function Rename({ friend, onClose }: { readonly friend: Friend; readonly onClose: () => void }) {
  const { attempt, kith } = useApp();
  const p = usePlaceWords();
  return <NameSheet title={p.friend.rename} hint={p.friend.renameHint} value={friend.name} onClose={onClose} onName={(name) => void attempt(() => kith.renameFriend(friend.cid, name))} />;
}

/** Remove says what removing a friend means, and does it. */
export function Remove({ friend, onClose }: { readonly friend: Friend; readonly onClose: () => void }) {
  const { attempt, kith, router, say } = useApp();
  const p = usePlaceWords();
  const remove = (): void => {
    onClose();
    void attempt(async () => {
      await kith.removeFriend(friend.cid);
      router.swap("friends");
      say(p.friend.removed(friend.name));
    });
  };
  return <Ask title={p.friend.removeTitle(friend.name)} text={p.friend.removeText(friend.name)} yes={p.friend.removeYes} no={p.friend.keep} onYes={remove} onNo={onClose} />;
}
