import { useEffect, useState } from "preact/hooks";
import type { ContactId, Friend } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Face } from "../parts/face.tsx";
import { AllPosts } from "../parts/posts.tsx";
import { Empty, Notice, Screen } from "../parts/screen.tsx";
import { Sheet } from "../parts/sheet.tsx";
import { addressOf } from "../route.ts";
import { AboutFriend, Remove } from "./about-friend.tsx";
import { usePlaceWords } from "../words/places.ts";

/** FriendScreen shows what a friend has shared, and on a desktop all about them beside it. `part` is
 * `about` for the right column as a screen of its own, and `words` with the words to compare on top. */
export function FriendScreen({ cid, part }: { readonly cid: ContactId; readonly part: string | undefined }) {
  const { attempt, kith, model, router } = useApp();
  const p = usePlaceWords();
  const friend = model.friend.value.get(cid);
  useEffect(() => { if (friend?.isNew === true) void attempt(() => kith.seenFriend(cid)); }, [friend?.isNew]);
  if (friend === undefined) return <Screen title={p.friends.title} back={["friends"]}><Empty title={p.friend.gone} /></Screen>;
  const words = part === "words" ? <Words friend={friend} onClose={() => router.swap("friends", cid)} /> : null;
  if (part === "about") {
    return <Screen title={p.friend.about(friend.name)} back={["friends", cid]}><AboutFriend friend={friend} /></Screen>;
  }
  return (
    <Screen title={friend.name} back={["friends"]} wide asideLabel={p.friend.about(friend.name)} aside={<AboutFriend friend={friend} />}
      actions={<a class="button quiet narrow" href={addressOf("friends", cid, "about")}>{p.friend.about("").trim()}</a>}>
      <Head friend={friend} />
      <Shared friend={friend} />
      {words}
    </Screen>
  );
}

function Head({ friend }: { readonly friend: Friend }) {
  const { clock, model, t } = useApp();
  const p = usePlaceWords();
  const { cid, keysChanged, lastSeen, name, since } = friend;
  const refused = friend.error?.code === "friend-refused";
  const circles = friend.circles.flatMap((id) => model.circle.value.get(id) ?? []);
  return (
    <>
      <div class="person">
        <Face id={cid} name={name} size="large" />
        <div>
          <p>{p.friend.since(clock.month(since))}</p>
          {lastSeen === undefined || refused ? null : <p class="state">{p.friend.heard(clock.ago(lastSeen))}</p>}
          <p class="tags">{circles.map((circle) => <span class="tag" key={circle.id}><span class={`dot tint-${circle.hue}`} aria-hidden="true" /><bdi>{circle.name}</bdi></span>)}</p>
        </div>
      </div>
      {friend.differed ? <Differed friend={friend} /> : null}
      {keysChanged ? (
        <Notice strong text={p.friend.changed(name)}><a class="button" href={addressOf("friends", cid, "words")}>{p.friend.compare}</a></Notice>
      ) : null}
      {friend.error === undefined ? null : <p class="standing">{refused ? t.feed.refused([name]) : t.errors[friend.error.code]}</p>}
    </>
  );
}

/** Stays until the words are compared again. */
function Differed({ friend }: { readonly friend: Friend }) {
  const p = usePlaceWords();
  const [removing, setRemoving] = useState(false);
  return (
    <div class="notice danger-text" role="alert">
      <p>{p.friend.differed}</p>
      <button type="button" class="button danger" onClick={() => setRemoving(true)}>{p.friend.removeYes}</button>
      {removing ? <Remove friend={friend} onClose={() => setRemoving(false)} /> : null}
    </div>
  );
}

function Shared({ friend }: { readonly friend: Friend }) {
  const { attempt, kith } = useApp();
  const p = usePlaceWords();
  useEffect(() => { void attempt(() => kith.refresh(friend.cid)); }, [friend.cid]);
  return (
    <section aria-label={p.friend.posts(friend.name)}>
      <AllPosts key={friend.cid} choice={{ author: friend.cid }} empty={friend.error?.code === "friend-refused" ? null : <Empty title={friend.reachable ? p.friend.noPosts(friend.name) : p.friends.noPod} />} />
    </section>
  );
}

/** Words shows the twelve words that both friends compare. */
export function Words({ friend, onClose }: { readonly friend: Friend; readonly onClose: () => void }) {
  const { attempt, kith, said } = useApp();
  const p = usePlaceWords();
  const [words, setWords] = useState<readonly string[]>();
  useEffect(() => { void attempt(() => kith.words(friend.cid)).then(setWords); }, [friend.cid]);
  const answer = (same: boolean): void => {
    onClose();
    void attempt(() => kith.setVerified(friend.cid, same)).then(() => {
      if (!same) said.value = { text: p.friend.noMatchHint(friend.name), failed: true };
    });
  };
  return (
    <Sheet title={p.friend.wordsTitle(friend.name)} onClose={onClose} foot={
      <>
        <button type="button" class="button" onClick={() => answer(false)}>{p.friend.noMatch}</button>
        <button type="button" class="button primary" onClick={() => answer(true)}>{p.friend.match}</button>
      </>
    }>
      <p>{p.friend.wordsHint(friend.name)}</p>
      <ol class="words">{words?.map((word, at) => <li key={at}>{word}</li>)}</ol>
    </Sheet>
  );
}
