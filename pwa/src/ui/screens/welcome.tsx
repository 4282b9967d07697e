import { useEffect, useRef, useState } from "preact/hooks";
import { useApp } from "../context.ts";
import { NameField } from "../parts/name.tsx";
import { Mark } from "../parts/mark.tsx";
import { addressOf } from "../route.ts";

/** WelcomeScreen is the first screen: one field and one sentence of promise. A link that was opened says
 * what else it begins: an invite, a pod, or this browser as another device. */
export function WelcomeScreen() {
  const { kith, router } = useApp();
  // A link for a device has done its work once it was used here, and is still shown while it does it.
  const kept = useRef(router.opened.value);
  const link = (kept.current = router.opened.value ?? kept.current);
  return (
    <main id="main" class="welcome">
      <Mark />
      {link !== undefined && kith.linkKind(link) === "device" ? <Join link={link} /> : <Start link={link} />}
    </main>
  );
}

function Start({ link }: { readonly link: string | undefined }) {
  const { attempt, kith, t } = useApp();
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const start = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (name.trim() === "" || busy) return;
    setBusy(true);
    await attempt(() => kith.start(name.trim()));
    setBusy(false);
  };
  const inviter = useInviter(link);
  return (
    <form onSubmit={(event) => void start(event)}>
      {inviter === undefined ? null : <p class="welcome-invited" dir="auto">{t.welcome.invited(inviter)}</p>}
      <h1 class="welcome-promise">{t.welcome.promise}</h1>
      <NameField label={t.welcome.question} hint={t.welcome.hint} value={name} onValue={setName} focused />
      <button type="submit" class="button primary large" disabled={name.trim() === "" || busy}>{t.welcome.start}</button>
      <a class="button quiet" href={addressOf("restore")}>{t.welcome.backup}</a>
    </form>
  );
}

/** Who made the invite that was opened. A broken link is told about once there is somebody to accept it. */
function useInviter(link: string | undefined): string | undefined {
  const { kith } = useApp();
  const [name, setName] = useState<string>();
  useEffect(() => {
    let left = false;
    if (link !== undefined && kith.linkKind(link) === "invite") kith.previewInvite(link).then((found) => { if (!left) setName(found.name); }, () => undefined);
    return () => { left = true; };
  }, [link]);
  return name;
}

function Join({ link }: { readonly link: string }) {
  const { attempt, kith, router, t } = useApp();
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const join = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (name.trim() === "" || busy) return;
    setBusy(true);
    router.opened.value = undefined;
    await attempt(() => kith.joinDevice(link, name.trim()));
    setBusy(false);
  };
  return (
    <form onSubmit={(event) => void join(event)}>
      <h1 class="welcome-promise">{t.welcome.device}</h1>
      <NameField label={t.welcome.deviceName} value={name} onValue={setName} focused />
      <button type="submit" class="button primary large" disabled={name.trim() === "" || busy}>{t.welcome.join}</button>
      <p class="state" role="status">{busy ? t.welcome.joining : ""}</p>
    </form>
  );
}
