import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Invite } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Icon } from "../parts/icon.tsx";
import { LinkCard } from "../parts/link.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { AskButton } from "../parts/sheet.tsx";
import { addressOf } from "../route.ts";
import { useRelays } from "../asking.ts";
import { useRelayWords } from "../words/relays.ts";

/** InviteScreen shows one invite as large as it can, and below it those that are still open. */
export function InviteScreen() {
  const { model } = useApp();
  const w = useRelayWords();
  const reached = model.pod.value.kind !== "none" || useRelays().list.length > 0;
  return (
    <Screen title={w.invite.title} back={["friends"]}>
      {reached ? <Shown /> : (
        <Empty title={w.invite.noReach} hint={w.invite.noReachHint}>
          <a class="button primary" href={addressOf("you", "relays")}>{w.invite.relay}</a>
          <a class="button" href={addressOf("you", "pod")}>{w.invite.connect}</a>
        </Empty>
      )}
    </Screen>
  );
}

/** Shows the invite that was chosen, else the newest open one, and makes one when there is none. */
function Shown() {
  const { attempt, kith, model } = useApp();
  const w = useRelayWords();
  const [chosen, choose] = useState<string>();
  const [making, setMaking] = useState(false);
  const invites = model.invites.value;
  const open = invites.filter(({ state }) => state === "open");
  const invite = invites.find(({ id, state }) => id === chosen && state !== "expired") ?? open.at(0);
  const make = (): void => {
    setMaking(true);
    void attempt(async () => choose((await kith.createInvite()).id)).then(() => setMaking(false));
  };
  useEffect(() => { if (open.length === 0) make(); }, []);
  // What is shown stays shown, so that one hears of its being accepted.
  useEffect(() => choose(invite?.id), [invite?.id]);
  const others = invites.filter(({ id, state }) => id !== invite?.id && state !== "used");
  const another = <button type="button" class="button quiet" onClick={make}>{w.invite.another}</button>;
  return (
    <>
      {invite === undefined && making ? <p class="state pad">{w.invite.making}</p> : null}
      {invite?.state === "used" ? <Accepted invite={invite} /> : invite === undefined ? null : <Large invite={invite} />}
      <div class="pad pair centred">
        {making ? null : another}
        {invite?.state === "open" ? <Cancel id={invite.id} look="button quiet">{w.invite.cancelOne}</Cancel> : null}
      </div>
      {others.length === 0 ? null : (
        <section class="pad" aria-label={w.invite.open}>
          <h2 class="label">{w.invite.open}</h2>
          <ul class="rows">{others.map((each) => <li key={each.id}><OtherInvite invite={each} onShow={() => choose(each.id)} /></li>)}</ul>
        </section>
      )}
    </>
  );
}

function Accepted({ invite }: { readonly invite: Invite }) {
  const { model, t } = useApp();
  const w = useRelayWords();
  const friend = invite.friend && model.friend.value.get(invite.friend);
  if (friend === undefined) return <Empty title={w.invite.used} />;
  return (
    <Empty title={t.feed.accepted([friend.name])} hint={w.invite.acceptedHint}>
      <a class="button primary" href={addressOf("friends", friend.cid, "words")}>{w.invite.compare}</a>
    </Empty>
  );
}

function Large({ invite }: { readonly invite: Invite }) {
  const { clock, model } = useApp();
  const w = useRelayWords();
  const title = w.invite.shareText(model.me.value?.name ?? "");
  return <LinkCard link={invite.link} label={w.invite.qr} title={title} once={w.invite.once(clock.at(invite.expires))} hint={w.invite.hint} />;
}

/** Who has the link of an invite may be about to open it, so that one is asked first. */
function Cancel({ id, look, children }: { readonly id: string; readonly look: string; readonly children: ComponentChildren }) {
  const { attempt, kith, say } = useApp();
  const w = useRelayWords();
  const cancel = (): void => void attempt(() => kith.cancelInvite(id).then(() => say(w.invite.cancelled)));
  return <AskButton look={look} label={w.invite.cancelOne} title={w.invite.cancelTitle} text={w.invite.cancelText} yes={w.invite.cancelOne} no={w.devices.keep} onYes={cancel}>{children}</AskButton>;
}

function OtherInvite({ invite, onShow }: { readonly invite: Invite; readonly onShow: () => void }) {
  const { attempt, clock, kith } = useApp();
  const w = useRelayWords();
  const { expires, id, state, triedAgain } = invite;
  return (
    <div class="row">
      <span class="row-text">
        <span class="row-title">{{ open: w.invite.until(clock.at(expires)), used: w.invite.used, expired: w.invite.expired }[state]}</span>
        {triedAgain ? <span class="row-note">{w.invite.tried}</span> : null}
      </span>
      {state === "open" ? <button type="button" class="button quiet" onClick={onShow}>{w.invite.show}</button> : null}
      {state === "open" ? <Cancel id={id} look="plain round"><Icon name="close" /></Cancel>
        : <button type="button" class="plain round" aria-label={w.invite.putAway} onClick={() => void attempt(() => kith.cancelInvite(id))}><Icon name="close" /></button>}
    </div>
  );
}
