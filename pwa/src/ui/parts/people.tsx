import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { ContactId, Friend } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Face } from "./face.tsx";
import { Find } from "./find.tsx";

/** More friends than this, and a list of them can be searched. */
const searchable = 8;

/** Person is one row of people: the face, the name, and a line below it. */
export function Person({ cid, name, children }: { readonly cid: ContactId; readonly name: string; readonly children?: ComponentChildren }) {
  return (
    <>
      <Face id={cid} name={name} />
      <span class="row-text">
        <span class="row-title"><bdi>{name}</bdi></span>
        {children === undefined ? null : <span class="row-note">{children}</span>}
      </span>
    </>
  );
}

/** People lists who can see something, by face and name. */
export function People({ people }: { readonly people: readonly { readonly cid: ContactId; readonly name: string }[] }) {
  return (
    <ul class="rows people">
      {people.map((each) => <li key={each.cid} class="row"><Person cid={each.cid} name={each.name} /></li>)}
    </ul>
  );
}

/** matching returns the friends whose name has each of the words, whatever the accents and case. */
export function matching(friends: readonly Friend[], words: string): readonly Friend[] {
  const wanted = plain(words).split(/\s+/).filter(Boolean);
  return wanted.length === 0 ? friends : friends.filter(({ name }) => wanted.every((word) => plain(name).includes(word)));
}

function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}

interface PickProps {
  readonly picked: ReadonlySet<ContactId>;
  readonly onPick: (cid: ContactId, picked: boolean) => void;
  /** What stands below a name, as the circle through which a friend is in already. */
  readonly note?: (friend: Friend) => string | undefined;
}

/** PickPeople lets one tick friends, and find them by name when there are many. */
export function PickPeople({ picked, onPick, note }: PickProps) {
  const { model, t } = useApp();
  const [words, setWords] = useState("");
  const friends = model.friends.value;
  const shown = matching(friends, words);
  return (
    <>
      {friends.length > searchable ? <Find label={t.audience.find} value={words} onValue={setWords} /> : null}
      {shown.length === 0 ? <p class="state">{t.audience.none}</p> : null}
      <ul class="rows">
        {shown.map((friend) => {
          const through = note?.(friend);
          return (
            <li key={friend.cid}>
              <label class="row pick">
                <Person cid={friend.cid} name={friend.name}>{through}</Person>
                <input type="checkbox" checked={through !== undefined || picked.has(friend.cid)} disabled={through !== undefined}
                  onChange={(event) => onPick(friend.cid, event.currentTarget.checked)} />
              </label>
            </li>
          );
        })}
      </ul>
    </>
  );
}
