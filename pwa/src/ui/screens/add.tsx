import { useEffect, useState } from "preact/hooks";
import type { InvitePreview } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Face } from "../parts/face.tsx";
import { Paste } from "../parts/paste.tsx";
import { Screen } from "../parts/screen.tsx";
import { sentenceFor } from "../words/words.ts";
import { usePlaceWords } from "../words/places.ts";

/** AddScreen accepts an invite: it says who invites and what they learn, before anything is sent. */
export function AddScreen() {
  const { kith, router } = useApp();
  const p = usePlaceWords();
  const [pasted, setPasted] = useState<string>();
  const link = router.opened.value ?? pasted;
  const open = (found: string): void => {
    // What is opened leads to the screen that deals with it.
    const pair = kith.linkKind(found) === "pair";
    router.opened.value = pair ? found : undefined;
    if (!pair) setPasted(found);
  };
  return (
    <Screen title={p.add.title} back={["friends"]}>
      {link === undefined ? <Paste label={p.add.paste} hint={p.add.pasteHint} go={p.add.open} onLink={open} /> : <Preview key={link} link={link} onLink={open} />}
    </Screen>
  );
}

interface PreviewProps {
  readonly link: string;
  readonly onLink: (link: string) => void;
}

function Preview({ link, onLink }: PreviewProps) {
  const { kith, t } = useApp();
  const [found, setFound] = useState<InvitePreview | { readonly sorry: string }>();
  useEffect(() => {
    try {
      const preview = kith.previewInvite(link);
      setFound(preview.mine ? { sorry: t.errors["own-invite"] } : preview);
    } catch (error) {
      setFound({ sorry: sentenceFor(error, t) });
    }
  }, [link]);
  if (found === undefined) return null;
  return "sorry" in found ? <Sorry text={found.sorry} link={link} onLink={onLink} /> : <Invitation link={link} preview={found} />;
}

/** Sorry says what is wrong with a link, and leaves it to be mended until one goes elsewhere. */
function Sorry({ text, link, onLink }: PreviewProps & { readonly text: string }) {
  const { router } = useApp();
  const p = usePlaceWords();
  useEffect(() => () => { if (router.opened.value === link) router.opened.value = undefined; }, []);
  return (
    <>
      <p class="reading pad" role="alert">{text}</p>
      <Paste label={p.add.paste} hint={p.add.pasteHint} go={p.add.open} tried={link} onLink={onLink} />
    </>
  );
}

function Invitation({ link, preview }: { readonly link: string; readonly preview: InvitePreview }) {
  const { attempt, kith, model, router, say } = useApp();
  const p = usePlaceWords();
  const [busy, setBusy] = useState(false);
  const { host, known, name } = preview;
  const accept = async (): Promise<void> => {
    setBusy(true);
    const cid = await attempt(() => kith.acceptInvite(link));
    setBusy(false);
    if (cid === undefined) return;
    router.opened.value = undefined;
    say(p.add.done(name));
    router.swap("friends", cid);
  };
  const leave = (): void => {
    router.opened.value = undefined;
    router.swap();
  };
  return (
    <div class="invitation">
      <Face id={host + name} name={name} size="large" />
      <p class="invitation-title"><bdi>{p.add.from(name)}</bdi></p>
      <p class="reading">{known === undefined ? p.add.learns(model.me.value?.name ?? "", name) : p.add.known(name)}</p>
      <p class="state">{p.add.host(host)}</p>
      <div class="thumb">
        <button type="button" class="button" onClick={leave}>{p.add.notNow}</button>
        <button type="button" class="button primary" disabled={busy} onClick={() => void accept()}>{p.add.accept}</button>
      </div>
      <p class="state" role="status">{busy ? p.add.accepting(name) : ""}</p>
    </div>
  );
}
