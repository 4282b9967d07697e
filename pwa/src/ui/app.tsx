import { type JSX, render } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Kith } from "../core/kith.ts";
import { useTold } from "./asking.ts";
import { type App, AppProvider, appOf, useApp } from "./context.ts";
import { follow } from "./model.ts";
import { Icon, type IconName } from "./parts/icon.tsx";
import { Mark } from "./parts/mark.tsx";
import { Empty, Screen } from "./parts/screen.tsx";
import { Toast } from "./parts/toast.tsx";
import { type Path, type Router, addressOf, askedIn, openRouter } from "./route.ts";
import { Feed } from "./screens/feed.tsx";
import { Catch, Trouble } from "./screens/trouble.tsx";
import { WelcomeScreen } from "./screens/welcome.tsx";
import type { Speech } from "./speech.ts";
import { type Update } from "./update.ts";
import { type Words, sentenceFor } from "./words/words.ts";

/** What the page gives to the views. */
export interface Page {
  readonly root: Element;
  readonly speech: Speech;
  readonly update: Update;
  readonly now: () => number;
  /** Opens the core; with `takeOver` the tab that has it gives it up. `leaving` stores what is
   * still only here before this one has to, and `closed` hears of it afterwards. */
  readonly open: (takeOver: boolean, leaving: () => Promise<unknown>, closed: () => void) => Promise<Kith>;
  /** Whether opening failed because another tab has the core. */
  readonly taken: (error: unknown) => boolean;
}

/** A wait that is longer than this gets a sentence. */
const patience = 2_000;

/** showApp draws the app into the page, from the first moment to the last. Who comes with the question of another
 * app wants to answer it here, whatever tab has the core. */
export async function showApp(page: Page, takeOver = askedIn(location.href) !== undefined): Promise<void> {
  const { root, speech, update, now, open, taken } = page;
  const words = (): Words => speech.spoken.value.words;
  await speech.begun;
  const slow = setTimeout(() => render(<p class="state opening" role="status">{words().loading}</p>, root), patience);
  // The views of a core that is closed have nothing to show; the page starts afresh with it.
  const elsewhere = (again: () => void, { trouble } = words()): void =>
    render(<Trouble title={trouble.elsewhere} text={trouble.elsewhereHint} action={trouble.here} onAction={again} />, root);
  try {
    let leave = (): Promise<unknown> => Promise.resolve();
    const kith = await open(takeOver, () => leave(), () => elsewhere(() => location.reload()));
    const router = openRouter(window);
    const app = appOf({ kith, model: follow(kith, speech.spoken), speech, now, router, update, page: window });
    render(<Whole app={app} />, root);
    addEventListener("click", once, true);
    leave = app.leave;
    void app.attempt(() => app.outgoing.resume());
  } catch (error) {
    if (taken(error)) elsewhere(() => void showApp(page, true));
    else render(<Stopped error={error} words={words()} />, root);
  } finally {
    clearTimeout(slow);
  }
}

function Stopped({ error, words }: { readonly error: unknown; readonly words: Words }) {
  return <Trouble title={words.trouble.title} text={sentenceFor(error, words)} action={words.trouble.reload} onAction={() => location.reload()} />;
}

/** A double click is one click: the second would hit what the first one brought. Who leafs through pictures clicks fast. */
function once(event: MouseEvent): void {
  if (event.detail < 2 || (event.target as Element).closest(".viewer") !== null) return;
  event.preventDefault();
  event.stopPropagation();
}

function Whole({ app }: { readonly app: App }) {
  const asked = askedIn(app.router.opened.value);
  return (
    <AppProvider value={app}>
      <Catch t={app.t}>
        {asked !== undefined ? <Later part={parts.elsewhere}>{({ ConsentScreen }) => <ConsentScreen id={asked} />}</Later> : app.model.me.value === undefined ? <Outside /> : <Inside />}
        <Toast />
      </Catch>
    </AppProvider>
  );
}

/** Outside is the app before there is somebody: a beginning, or a way back. */
function Outside() {
  const [place] = useApp().router.path.value;
  return place === "restore" ? <Later part={parts.relays}>{({ RestoreScreen }) => <RestoreScreen />}</Later> : <WelcomeScreen />;
}

function Inside() {
  const { router, t } = useApp();
  const path = router.path.value;
  useOpenedLink();
  useScroll(router);
  useTold();
  // A failure is heard of where somebody goes there.
  useEffect(() => void Promise.all([load(parts.places), load(parts.conversation)]).catch(() => undefined), []);
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.querySelector<HTMLElement>("#main h1")?.focus(); }}>{t.skip}</a>
      <Places path={path} />
      <Feed hidden={path.length > 0} />
      {path.length > 0 ? <Place key={path.slice(0, 2).join("/")} path={path} /> : null}
    </div>
  );
}

/** A link that was opened leads to the screen that deals with it. */
function useOpenedLink(): void {
  const { kith, router, said, t } = useApp();
  const link = router.opened.value;
  useEffect(() => {
    if (link === undefined) return;
    const kind = kith.linkKind(link);
    if (kind === "invite") return router.swap("add");
    if (kind === "pair") return router.swap("you", "pod");
    router.opened.value = undefined;
    said.value = { text: kind === "device" ? t.welcome.deviceHere : t.trouble.link, failed: true };
  }, [link]);
}

/** Each place keeps where it was scrolled to, for when one comes back; a new place begins at its top. */
function useScroll(router: Router): void {
  const places = useRef(new Map<string, number>());
  const at = router.path.value.join("/");
  useLayoutEffect(() => {
    scrollTo({ top: places.current.get(at) ?? 0, behavior: "instant" as ScrollBehavior });
    const keep = (): void => void places.current.set(at, scrollY);
    addEventListener("scroll", keep, { passive: true });
    return () => removeEventListener("scroll", keep);
  }, [at]);
}

/** Part is one of the app's parts that are loaded later; `loaded` once it is here. */
interface Part<T> {
  loaded?: T;
  readonly load: () => Promise<T>;
}

const parts = {
  places: { load: () => import("./screens/places.tsx") } as Part<typeof import("./screens/places.tsx")>,
  conversation: { load: () => import("./screens/conversation.tsx") } as Part<typeof import("./screens/conversation.tsx")>,
  relays: { load: () => import("./screens/relays.tsx") } as Part<typeof import("./screens/relays.tsx")>,
  elsewhere: { load: () => import("./screens/elsewhere.tsx") } as Part<typeof import("./screens/elsewhere.tsx")>,
  home: { load: () => import("./screens/home.tsx") } as Part<typeof import("./screens/home.tsx")>,
};

/** Addresses of what the part `relays` shows. */
const reaches = ["invite", "add", "restore", "you/pod", "you/relays", "you/devices", "you/waiting", "you/backup"];

/** Addresses of what the part `home` shows. */
const homes = ["you/trouble", "you/backups", "you/drive", "new/inbox"];

/** load loads a part; it may be called again. */
async function load<T>(part: Part<T>): Promise<T> {
  return part.loaded ??= await part.load();
}

/** Every place but the feed. */
function Place({ path }: { readonly path: Path }) {
  const at = path.slice(0, 2).join("/");
  if (homes.includes(at)) return <Later part={parts.home}>{({ HomeScreen }) => <HomeScreen path={path} />}</Later>;
  if (reaches.includes(at)) return <Later part={parts.relays}>{({ ReachScreen }) => <ReachScreen path={path} />}</Later>;
  if (path[0] === "you" && path[1] === "apps") return <Later part={parts.elsewhere}>{({ AppsScreen }) => <AppsScreen />}</Later>;
  const talk = talkAt(path);
  if (talk !== undefined) return <Later part={parts.conversation}>{talk}</Later>;
  return <Later part={parts.places}>{({ PlaceScreen }) => <PlaceScreen path={path} />}</Later>;
}

/** talkAt returns what the part about conversations shows at a path; undefined when it is another's. */
function talkAt([place, id]: Path): ((part: typeof import("./screens/conversation.tsx")) => JSX.Element) | undefined {
  if (place === "post" && id !== undefined) return ({ PostScreen }) => <PostScreen alias={id} />;
  if (place !== "you") return undefined;
  if (id === "deleted") return ({ DeletedScreen }) => <DeletedScreen />;
  return id === "copies" ? ({ CopiesScreen }) => <CopiesScreen /> : undefined;
}

/** What a part shows, once it is loaded. */
function Later<T>({ part, children }: { readonly part: Part<T>; readonly children: (loaded: T) => JSX.Element }) {
  const { t } = useApp();
  const [loaded, setLoaded] = useState(part.loaded);
  const [failed, setFailed] = useState(false);
  const begin = (): void => {
    setFailed(false);
    load(part).then((all) => setLoaded(() => all), () => setFailed(true));
  };
  useEffect(begin, []);
  if (loaded !== undefined) return children(loaded);
  if (!failed) return null;
  return <Screen title={t.app} back={[]}><Empty title={t.trouble.unloaded}><button type="button" class="button" onClick={begin}>{t.trouble.reload}</button></Empty></Screen>;
}

/** The four places, at the thumb on a phone and at the left on a desktop. */
function Places({ path }: { readonly path: Path }) {
  const { model, t } = useApp();
  const here = ["circles", "invite", "add"].includes(path[0] ?? "") ? "friends" : path[0] === "post" ? "" : path[0] ?? "";
  const accepted = model.friends.value.some(({ isNew }) => isNew);
  const places: readonly (readonly [string, IconName, string, boolean?])[] = [
    ["", "feed", t.nav.feed], ["friends", "friends", t.nav.friends, accepted], ["new", "plus", t.nav.new], ["you", "you", t.nav.you],
  ];
  return (
    <nav class="places" aria-label={t.nav.label}>
      <Mark />
      {places.map(([to, icon, words, mark]) => (
        <a key={to} class={`place ${to}`} href={to === "" ? addressOf() : addressOf(to)} aria-current={here === to ? "page" : undefined}>
          <span class={mark === true ? "place-icon marked" : "place-icon"}><Icon name={icon} /></span>
          <span>{words}</span>
        </a>
      ))}
    </nav>
  );
}
