import { useEffect, useState } from "preact/hooks";
import type { Invite } from "../../core/kith.ts";
import { useApp } from "../context.ts";
import { Icon } from "../parts/icon.tsx";
import { LinkCard } from "../parts/link.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { addressOf } from "../route.ts";
import { usePlaceWords } from "../words/places.ts";

/** InviteScreen shows one invite as large as it can, and below it those that are still open. */
export function InviteScreen() {
  const { model } = useApp();
  const p = usePlaceWords();
  const hasPod = model.pod.value.kind !== "none";
  return (
    <Screen title={p.invite.title} back={["friends"]}>
      {hasPod ? <Shown /> : (
        <Empty title={p.invite.noPod} hint={p.invite.noPodHint}>
          <a class="button primary" href={addressOf("you", "pod")}>{p.invite.connect}</a>
        </Empty>
      )}
    </Screen>
  );
}

/** Shows the newest open invite, and makes one when there is none. */
function Shown() {
  const { attempt, kith, model } = useApp();
  const p = usePlaceWords();
  const [chosen, choose] = useState<string>();
  const invites = model.invites.value;
  const open = invites.filter(({ state }) => state === "open");
  const invite = open.find(({ id }) => id === chosen) ?? open.at(0);
  const make = (): void => void attempt(async () => choose((await kith.createInvite()).id));
  useEffect(() => { if (open.length === 0) make(); }, []);
  const others = invites.filter(({ id }) => id !== invite?.id);
  return (
    <>
      {invite === undefined ? <Making onMake={make} /> : <Large invite={invite} />}
      {invite === undefined ? null : (
        <div class="pad pair centred">
          <button type="button" class="button quiet" onClick={make}>{p.invite.another}</button>
          <button type="button" class="button quiet" onClick={() => void attempt(() => kith.cancelInvite(invite.id))}>{p.invite.cancelOne}</button>
        </div>
      )}
      {others.length === 0 ? null : (
        <section class="pad" aria-label={p.invite.open}>
          <h2 class="label">{p.invite.open}</h2>
          <ul class="rows">{others.map((each) => <li key={each.id}><OtherInvite invite={each} onShow={() => choose(each.id)} /></li>)}</ul>
        </section>
      )}
    </>
  );
}

function Making({ onMake }: { readonly onMake: () => void }) {
  const { said } = useApp();
  const p = usePlaceWords();
  // A failure was said already; what is left to offer is another try.
  const failed = said.value?.failed === true;
  return failed ? <Empty title={said.value?.text ?? ""}><button type="button" class="button" onClick={onMake}>{p.pod.again}</button></Empty> : <p class="state pad">{p.invite.making}</p>;
}

function Large({ invite }: { readonly invite: Invite }) {
  const { clock, model } = useApp();
  const p = usePlaceWords();
  const title = p.invite.shareText(model.me.value?.name ?? "");
  return <LinkCard link={invite.link} label={p.invite.qr} title={title} once={p.invite.once(clock.at(invite.expires))} hint={p.invite.hint} />;
}

function OtherInvite({ invite, onShow }: { readonly invite: Invite; readonly onShow: () => void }) {
  const { attempt, clock, kith, say } = useApp();
  const p = usePlaceWords();
  const { expires, id, state, triedAgain } = invite;
  const cancel = (): void => void attempt(() => kith.cancelInvite(id).then(() => say(p.invite.cancelled)));
  return (
    <div class="row">
      <span class="row-text">
        <span class="row-title">{{ open: p.invite.until(clock.at(expires)), used: p.invite.used, expired: p.invite.expired }[state]}</span>
        {triedAgain ? <span class="row-note">{p.invite.tried}</span> : null}
      </span>
      {state === "open" ? <button type="button" class="button quiet" onClick={onShow}>{p.invite.show}</button> : null}
      <button type="button" class="plain round" aria-label={p.invite.cancelOne} onClick={cancel}><Icon name="close" /></button>
    </div>
  );
}
