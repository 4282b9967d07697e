import { useEffect, useState } from "preact/hooks";
import type { Device, Parted } from "../../core/kith.ts";
import { useRelays } from "../asking.ts";
import { useApp } from "../context.ts";
import { LinkCard } from "../parts/link.tsx";
import { Screen } from "../parts/screen.tsx";
import { Ask, Sheet } from "../parts/sheet.tsx";
import { Sign } from "../parts/sign.tsx";
import { addressOf } from "../route.ts";
import { useRelayWords } from "../words/relays.ts";

/** DevicesScreen lists one's devices, links another, and removes one. */
export function DevicesScreen() {
  const { attempt, kith, model, t } = useApp();
  const w = useRelayWords();
  const [joining, setJoining] = useState<{ readonly link: string; readonly expires: number }>();
  const [leaving, setLeaving] = useState<Device>();
  const { list } = useRelays();
  // The link has done its work once the other device stands in the list.
  useEffect(() => setJoining(undefined), [model.devices.value.length]);
  const { parted, removed = false } = model.me.value ?? {};
  const hasPod = model.pod.value.kind !== "none";
  const link = (): void => void attempt(async () => setJoining(await kith.linkDevice()));
  return (
    <Screen title={w.devices.title} back={["you"]}>
      <p class="lead">{w.devices.hint}</p>
      {parted === undefined ? null : <div class="pad"><Disagree parted={parted} /></div>}
      <div class="pad"><ul class="card rows">{model.devices.value.map((device) => <li key={device.kid}><DeviceRow device={device} onRemove={removed ? undefined : () => setLeaving(device)} /></li>)}</ul></div>
      {removed ? <p class="reading pad">{t.standing.removed} {w.devices.off}</p>
        : hasPod || list.length > 0 ? <>{hasPod ? null : <p class="state pad">{w.devices.meet}</p>}<div class="thumb"><button type="button" class="button primary" onClick={link}>{w.devices.add}</button></div></>
        : <div class="pad"><p class="state">{w.devices.noPod}</p><a class="button" href={addressOf("you", "relays")}>{w.devices.relay}</a></div>}
      {joining === undefined ? null : <Joining {...joining} onClose={() => setJoining(undefined)} />}
      {leaving === undefined ? null : <Remove device={leaving} onClose={() => setLeaving(undefined)} />}
    </Screen>
  );
}

function DeviceRow({ device, onRemove }: { readonly device: Device; readonly onRemove: (() => void) | undefined }) {
  const { t } = useApp();
  const w = useRelayWords();
  const { admin, isPod, name, self } = device;
  return (
    <div class="row stack">
      <span class="row-icon"><Sign name={isPod ? "pod" : "device"} /></span>
      <span class="row-text">
        <span class="row-title"><bdi>{isPod ? t.standing.pod : name}</bdi></span>
        <span class="row-note">{self ? w.devices.this : isPod ? w.devices.isPod : admin ? w.devices.admin : w.devices.other}</span>
      </span>
      {self || isPod || onRemove === undefined ? null : <button type="button" class="button quiet" onClick={onRemove}>{w.devices.remove}</button>}
    </div>
  );
}

/** Disagree tells of a device that goes by another list, and how that ends. */
function Disagree({ parted: { at, name, off } }: { readonly parted: Parted }) {
  const { clock } = useApp();
  const { devices: { parted: w } } = useRelayWords();
  const who = name === "" ? w.nameless : name;
  return (
    <section class="card" aria-label={w.title}>
      <h2 class="who-title">{w.title}</h2>
      <p>{off ? w.removedThis(who) : w.stays(who)} {w.heard(clock.ago(at))}</p>
      <p>{w.means} {w.stolen}</p>
      <p>{w.way}</p>
      <a class="button" href={addressOf("you", "backup")}>{w.kit}</a>
    </section>
  );
}

function Joining({ link, expires, onClose }: { readonly link: string; readonly expires: number; readonly onClose: () => void }) {
  const { clock } = useApp();
  const w = useRelayWords();
  return (
    <Sheet title={w.devices.addTitle} onClose={onClose}>
      <LinkCard link={link} label={w.devices.qr} title={w.devices.addTitle} once={w.devices.until(clock.at(expires))} hint={w.devices.addHint} />
    </Sheet>
  );
}

function Remove({ device, onClose }: { readonly device: Device; readonly onClose: () => void }) {
  const { attempt, kith, say } = useApp();
  const w = useRelayWords();
  const remove = (): void => {
    onClose();
    void attempt(() => kith.removeDevice(device.kid).then(() => say(w.devices.removed(device.name))));
  };
  return <Ask title={w.devices.removeTitle(device.name)} text={w.devices.removeText} yes={w.devices.remove} no={w.devices.keep} onYes={remove} onNo={onClose} />;
}
