import { useState } from "preact/hooks";
import type { Device } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Icon } from "../parts/icon.tsx";
import { LinkCard } from "../parts/link.tsx";
import { Screen } from "../parts/screen.tsx";
import { Ask, Sheet } from "../parts/sheet.tsx";
import { usePlaceWords } from "../words/places.ts";

/** DevicesScreen lists one's devices, links another, and removes one. */
export function DevicesScreen() {
  const { attempt, kith, model } = useApp();
  const p = usePlaceWords();
  const [joining, setJoining] = useState<{ readonly link: string; readonly expires: number }>();
  const [leaving, setLeaving] = useState<Device>();
  const hasPod = model.pod.value.kind !== "none";
  const link = (): void => void attempt(async () => setJoining(await kith.linkDevice()));
  return (
    <Screen title={p.devices.title} back={["you"]}>
      <p class="state pad">{p.devices.hint}</p>
      <ul class="rows">{model.devices.value.map((device) => <li key={device.kid}><DeviceRow device={device} onRemove={() => setLeaving(device)} /></li>)}</ul>
      {hasPod ? <div class="thumb"><button type="button" class="button primary" onClick={link}>{p.devices.add}</button></div> : <p class="state pad">{p.devices.noPod}</p>}
      {joining === undefined ? null : <Joining {...joining} onClose={() => setJoining(undefined)} />}
      {leaving === undefined ? null : <Remove device={leaving} onClose={() => setLeaving(undefined)} />}
    </Screen>
  );
}

function DeviceRow({ device, onRemove }: { readonly device: Device; readonly onRemove: () => void }) {
  const p = usePlaceWords();
  const { admin, isPod, name, self } = device;
  return (
    <div class="row">
      <span class="row-icon"><Icon name={isPod ? "pod" : "device"} /></span>
      <span class="row-text">
        <span class="row-title"><bdi>{name}</bdi></span>
        <span class="row-note">{self ? p.devices.this : isPod ? p.devices.isPod : admin ? p.devices.admin : p.devices.other}</span>
      </span>
      {self || isPod ? null : <button type="button" class="button quiet" onClick={onRemove}>{p.devices.remove}</button>}
    </div>
  );
}

function Joining({ link, expires, onClose }: { readonly link: string; readonly expires: number; readonly onClose: () => void }) {
  const { clock } = useApp();
  const p = usePlaceWords();
  return (
    <Sheet title={p.devices.addTitle} onClose={onClose}>
      <LinkCard link={link} label={p.devices.qr} title={p.devices.addTitle} once={p.devices.until(clock.at(expires))} hint={p.devices.addHint} />
    </Sheet>
  );
}

function Remove({ device, onClose }: { readonly device: Device; readonly onClose: () => void }) {
  const { attempt, kith, say } = useApp();
  const p = usePlaceWords();
  const remove = (): void => {
    onClose();
    void attempt(() => kith.removeDevice(device.kid).then(() => say(p.devices.removed(device.name))));
  };
  return <Ask title={p.devices.removeTitle(device.name)} text={p.devices.removeText} yes={p.devices.remove} no={p.devices.keep} onYes={remove} onNo={onClose} />;
}
