import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Dropped } from "../../core/kith.ts";
import { type Chosen, useApp } from "../context.ts";
import { OfPod, useHousehold } from "../household.tsx";
import { Icon } from "../parts/icon.tsx";
import { Empty } from "../parts/screen.tsx";
import { useHomeWords } from "../words/home.ts";

/** Where one's own pod is asked for so many photos at once. */
const width = 2;

/** InboxScreen shows the photos that were put into the pod's folder, and takes some of them into a post. */
export function InboxScreen() {
  const { chosen, router, t } = useApp();
  const w = useHomeWords().inbox;
  const household = useHousehold(async (home) => home.dropped());
  const turns = useMemo(turnsOf, []);
  const [picked, setPicked] = useState<ReadonlyMap<string, Blob>>(new Map());
  const [unreadable, setUnreadable] = useState(false);
  const pick = (path: string, photo: Blob): void => {
    const next = new Map(picked);
    if (!next.delete(path)) next.set(path, photo);
    setPicked(next);
  };
  const take = (): void => {
    chosen.value = [...picked].map(([from, photo]): Chosen => ({ from, photo }));
    router.back("new");
  };
  return (
    <OfPod title={w.title} back={["new"]} household={household}>
      {(all) => all.length === 0 ? <Empty title={w.none} hint={w.noneHint} /> : (
        <>
          <p class="lead">{w.what} {w.after}</p>
          <ul class="dropped">{all.map((each) => <li key={each.path}><Tile photo={each} picked={picked.has(each.path)} turns={turns} onPick={pick} onUnreadable={() => setUnreadable(true)} /></li>)}</ul>
          {unreadable ? <p class="state pad" role="status">{t.errors["picture-unreadable"]}</p> : null}
          <div class="thumb">
            <button type="button" class="button primary" disabled={picked.size === 0} onClick={take}>{w.take(picked.size)}</button>
          </div>
        </>
      )}
    </OfPod>
  );
}

interface TileProps {
  readonly photo: Dropped;
  readonly picked: boolean;
  readonly turns: Turns;
  readonly onPick: (path: string, photo: Blob) => void;
  readonly onUnreadable: () => void;
}

/** A photo is fetched once it comes near the screen, and drawn small, so that many do not fill the memory. */
function Tile({ photo: { mediaType, name, path }, picked, turns, onPick, onUnreadable }: TileProps) {
  const { kith } = useApp();
  const w = useHomeWords().inbox;
  const box = useRef<HTMLLabelElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [photo, setPhoto] = useState<Blob | "unreadable">();
  useEffect(() => {
    const near = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting !== true) return;
      near.disconnect();
      void turns(async () => {
        const found = new Blob([await (await kith.home()).photo(path)], { type: mediaType });
        await draw(found, canvas.current);
        return found;
      }).then(setPhoto, () => { setPhoto("unreadable"); onUnreadable(); });
    }, { rootMargin: "50%" });
    if (box.current !== null) near.observe(box.current);
    return () => near.disconnect();
  }, [path]);
  const here = photo instanceof Blob ? photo : undefined;
  const state = photo === undefined ? w.fetching : here === undefined ? w.unreadable : undefined;
  return (
    <label ref={box} class={picked ? "dropped-tile picked" : "dropped-tile"}>
      <canvas ref={canvas} aria-hidden="true" />
      <input type="checkbox" aria-label={`${w.choose(name)} ${state ?? ""}`.trim()} checked={picked} disabled={here === undefined} onChange={() => { if (here !== undefined) onPick(path, here); }} />
      {picked ? <span class="dropped-mark"><Icon name="check" small /></span> : null}
      {state === undefined ? null : <span class="tile-missing">{state}</span>}
      <span class="dropped-name" dir="auto">{name}</span>
    </label>
  );
}

/** Runs an act when fewer than `width` of those before it still run. */
type Turns = <T>(act: () => Promise<T>) => Promise<T>;

function turnsOf(): Turns {
  let last: readonly Promise<unknown>[] = [];
  return (act) => {
    const mine = (last.length < width ? Promise.resolve() : last[0] ?? Promise.resolve()).then(act);
    last = [...last.slice(1 - width), mine.catch(() => undefined)];
    return mine;
  };
}

/** draw fills a canvas with the middle of a photo, the right way up. */
async function draw(photo: Blob, canvas: HTMLCanvasElement | null): Promise<void> {
  const image = await createImageBitmap(photo, { imageOrientation: "from-image" });
  try {
    if (canvas === null) return;
    const side = Math.min(image.width, image.height);
    canvas.width = canvas.height = 240;
    canvas.getContext("2d")?.drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, 240, 240);
  } finally {
    image.close();
  }
}
