import { useEffect, useState } from "preact/hooks";
import type { InvitePreview } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Face } from "../parts/face.tsx";
import { Paste } from "../parts/paste.tsx";
import { Screen } from "../parts/screen.tsx";
import { addressOf } from "../route.ts";
import { codeOf, sentenceFor } from "../words/words.ts";
import { useRelayWords } from "../words/relays.ts";

/** AddScreen accepts an invite: it says who invites and what they learn, before anything is sent. */
export function AddScreen() {
  const { kith, router } = useApp();
  const w = useRelayWords();
  const [pasted, setPasted] = useState<string>();
  const link = router.opened.value ?? pasted;
  const open = (found: string): void => {
    // What is opened leads to the screen that deals with it.
    const pair = kith.linkKind(found) === "pair";
    router.opened.value = pair ? found : undefined;
    if (!pair) setPasted(found);
  };
  return (
    <Screen title={w.add.title} back={["friends"]}>
      {link === undefined ? <Paste label={w.add.paste} hint={w.add.pasteHint} go={w.add.open} onLink={open} /> : <Preview key={link} link={link} onLink={open} />}
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
    let left = false;
    kith.previewInvite(link).then(
      (preview) => { if (!left) setFound(preview.mine ? { sorry: t.errors["own-invite"] } : preview); },
      (error: unknown) => { if (!left) setFound({ sorry: sentenceFor(error, t) }); },
    );
    return () => { left = true; };
  }, [link]);
  if (found === undefined) return null;
  return "sorry" in found ? <Sorry text={found.sorry} link={link} onLink={onLink} /> : <Invitation link={link} preview={found} />;
}

/** Sorry says what is wrong with a link, and leaves it to be mended until one goes elsewhere. */
function Sorry({ text, link, onLink }: PreviewProps & { readonly text: string }) {
  const { router } = useApp();
  const w = useRelayWords();
  useEffect(() => () => { if (router.opened.value === link) router.opened.value = undefined; }, []);
  return (
    <>
      <p class="reading pad" role="alert">{text}</p>
      <Paste label={w.add.paste} hint={w.add.pasteHint} go={w.add.open} tried={link} onLink={onLink} />
    </>
  );
}

function Invitation({ link, preview }: { readonly link: string; readonly preview: InvitePreview }) {
  const { kith, model, router, said, say, t } = useApp();
  const w = useRelayWords();
  const [busy, setBusy] = useState(false);
  const [asleep, setAsleep] = useState<"waiting" | "no-reach">();
  const { host, known, name, relayed } = preview;
  const accept = async (): Promise<void> => {
    setBusy(true);
    try {
      const cid = await kith.acceptInvite(link);
      router.opened.value = undefined;
      say(w.add.done(name));
      router.swap("friends", cid);
    } catch (error) {
      const code = codeOf(error);
      setBusy(false);
      if (code === "waiting" || code === "no-reach") setAsleep(code);
      else said.value = { text: sentenceFor(error, t), failed: true };
    }
  };
  const leave = (): void => {
    router.opened.value = undefined;
    router.swap();
  };
  return (
    <div class="invitation">
      <Face id={host + name} name={name} size="large" />
      <p class="invitation-title"><bdi>{w.add.from(name)}</bdi></p>
      <p class="reading">{known === undefined ? w.add.learns(model.me.value?.name ?? "", name) : w.add.known(name)}</p>
      <p class="state">{relayed ? w.add.relayed(host) : w.add.host(host)}</p>
      {asleep === undefined ? null : <p class="standing" role="status">{asleep === "waiting" ? w.add.later(name) : w.add.asleep(name)}</p>}
      {asleep !== undefined ? <Asleep relay={asleep === "no-reach"} onLeave={leave} /> : <div class="thumb">
        <button type="button" class="button" onClick={leave}>{w.add.notNow}</button>
        <button type="button" class="button primary" disabled={busy} onClick={() => void accept()}>{w.add.accept}</button>
      </div>}
      <p class="state" role="status">{busy ? w.add.accepting(name) : ""}</p>
    </div>
  );
}

/** What one can do while the other sleeps. */
function Asleep({ relay, onLeave }: { readonly relay: boolean; readonly onLeave: () => void }) {
  const { t } = useApp();
  const w = useRelayWords();
  return (
    <div class="thumb">
      {relay ? <a class="button primary" href={addressOf("you", "relays")}>{w.invite.relay}</a> : <button type="button" class="button primary" onClick={onLeave}>{t.ok}</button>}
    </div>
  );
}
