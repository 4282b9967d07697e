import { useEffect, useState } from "preact/hooks";
import type { Compose, FeedPage } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { type Pager, fence } from "../pager.ts";
import { mostTiles, shapeOf } from "../parts/album.tsx";
import { Face } from "../parts/face.tsx";
import { Icon } from "../parts/icon.tsx";
import { Find } from "../parts/find.tsx";
import { More, Posts, usePager } from "../parts/posts.tsx";
import { Text } from "../parts/post.tsx";
import { usePull } from "../parts/refresh.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { addressOf } from "../route.ts";
import { FeedAside } from "./aside.tsx";
import { FeedNotices } from "./notices.tsx";

/** What is older than this lies behind a button: the feed has an end. */
const recent = 14 * 24 * 3_600_000;

/** Feed shows what friends and oneself have posted, newest first, and stops. */
export function Feed({ hidden }: { readonly hidden: boolean }) {
  const { attempt, kith, t } = useApp();
  const [search, setSearch] = useState<string>();
  const refresh = (): void => void attempt(() => kith.refresh());
  const pulled = usePull(!hidden, refresh);
  const pager = usePager({});
  useEffect(refresh, []);
  return (
    <Screen title={t.feed.title} hidden={hidden} aside={<FeedAside />} asideLabel={t.you} wide actions={
      <>
        <p class="state asking" role="status">{pager.page.value?.asking === true ? t.feed.asking : ""}</p>
        <button type="button" class="plain round" aria-label={t.search} aria-expanded={search !== undefined}
          onClick={() => setSearch(search === undefined ? "" : undefined)}><Icon name={search === undefined ? "search" : "close"} /></button>
        <button type="button" class="plain round" aria-label={t.feed.refresh} onClick={refresh}><Icon name="again" /></button>
      </>
    }>
      {pulled > 0 ? <p class="pull" style={{ opacity: pulled }}>{t.feed.pull}</p> : null}
      {search === undefined ? <Recent pager={pager} /> : <Search words={search} onWords={setSearch} />}
    </Screen>
  );
}

function Recent({ pager }: { readonly pager: Pager }) {
  const { attempt, clock } = useApp();
  const [older, setOlder] = useState(false);
  const page = pager.page.value;
  if (page === undefined) return null;
  const on = (): void => void attempt(() => pager.on());
  const within = older ? page.posts.length : fence(page.posts, clock.now() - recent);
  // A quiet fortnight still shows one page.
  const shown = page.posts.slice(0, Math.max(within, 20));
  const ended = shown.length < page.posts.length || !page.more;
  return (
    <>
      <FeedNotices page={page} />
      <Leaving />
      {page.posts.length === 0 ? <Nothing /> : <Posts posts={shown} />}
      {!ended ? <More key={page.posts.length} onNear={on} /> : null}
      {ended && page.posts.length > 0 ? (
        <End page={page} all={shown.length === page.posts.length && !page.more} onOlder={() => { setOlder(true); on(); }} />
      ) : null}
    </>
  );
}

function End({ page, all, onOlder }: { readonly page: FeedPage; readonly all: boolean; readonly onOlder: () => void }) {
  const { t } = useApp();
  if (page.asking) return null;
  return (
    <footer class="end">
      <p class="end-title">{t.feed.caughtUp}</p>
      <p class="state">{all ? t.feed.all : t.feed.twoWeeks}</p>
      {all ? null : <button type="button" class="button" onClick={onOlder}>{t.feed.older}</button>}
    </footer>
  );
}

/** A finished post that is held back for a moment; the way back stands in what was said of it. */
function Leaving() {
  const { model, outgoing, t } = useApp();
  const held = outgoing.held.value;
  if (held === undefined) return null;
  const name = model.me.value?.name ?? "";
  return (
    <section class="post" aria-label={t.post.leaving}>
      <div class="post-head"><Face id="me" name={name} /><bdi class="post-name">{name}</bdi></div>
      <Text text={held.text} />
      <Pictures pictures={held.pictures} />
      <p class="state post-state">{outgoing.kept.value ? t.post.leaving : ""}</p>
    </section>
  );
}

/** The pictures of a post that has not been stored as one. */
function Pictures({ pictures }: Pick<Compose, "pictures">) {
  const [urls, setUrls] = useState<readonly string[]>([]);
  useEffect(() => {
    const made = pictures.slice(0, mostTiles).map(({ mediaType, thumb }) => URL.createObjectURL(new Blob([thumb], { type: mediaType })));
    setUrls(made);
    return () => made.forEach((url) => URL.revokeObjectURL(url));
  }, [pictures]);
  const [only, more] = pictures;
  const shape = only === undefined || more !== undefined ? {} : { style: { aspectRatio: String(shapeOf(only)) } };
  return urls.length === 0 ? null : (
    <div class={`album album-${urls.length}`}>
      {urls.map((url, at) => <span class="tile" key={url} {...shape}><img class="photo here" src={url} alt={pictures[at]?.alt ?? ""} /></span>)}
    </div>
  );
}

function Nothing() {
  const { outgoing, t } = useApp();
  return outgoing.held.value !== undefined ? null : (
    <Empty title={t.feed.empty} hint={t.feed.emptyHint}>
      <a class="button primary" href={addressOf("new")}>{t.feed.first}</a>
      <a class="button" href={addressOf("invite")}>{t.feed.invite}</a>
    </Empty>
  );
}

function Search({ words, onWords }: { readonly words: string; readonly onWords: (words: string) => void }) {
  const { attempt, t } = useApp();
  const wanted = words.trim();
  const pager = usePager({ search: wanted });
  const page = pager.page.value;
  return (
    <>
      <div class="pad"><Find label={t.feed.searching} hint={t.feed.searchHint} value={words} onValue={onWords} /></div>
      {wanted === "" || page === undefined ? null : (
        <>
          <p class="state pad" role="status">{t.feed.found(page.posts.length, page.more)}</p>
          <Posts posts={page.posts} />
          {page.more ? <More key={page.posts.length} onNear={() => void attempt(() => pager.on())} /> : null}
        </>
      )}
    </>
  );
}
