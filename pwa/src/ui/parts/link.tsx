import { useApp } from "../context.ts";
import { LinkCode } from "./qr.tsx";
import { useRelayWords } from "../words/relays.ts";

interface LinkCardProps {
  readonly link: string;
  /** What the code is, for those who can't see it. */
  readonly label: string;
  /** What the share sheet says. */
  readonly title: string;
  readonly once: string;
  readonly hint: string;
}

/** LinkCard shows a link that works once: as a code to scan, to send, and to copy. */
export function LinkCard({ link, label, title, once, hint }: LinkCardProps) {
  const { attempt, say, t } = useApp();
  const w = useRelayWords();
  const copy = (): void => void attempt(() => navigator.clipboard.writeText(link).then(() => say(t.copied)));
  // A person who closes the share sheet has not met a failure.
  const share = (): void => void navigator.share({ title, url: link }).catch(() => undefined);
  const canShare = typeof navigator.share === "function";
  return (
    <div class="link-card">
      <LinkCode link={link} label={label} />
      <p class="link-once">{once}</p>
      <p class="state">{hint}</p>
      {/^https?:\/\/(localhost|127\.|\[::1)/.test(link) ? <p class="state">{w.invite.local}</p> : null}
      <p class="link-text" dir="ltr" tabIndex={0}>{link}</p>
      <div class="thumb">
        <button type="button" class={canShare ? "button" : "button primary"} onClick={copy}>{t.copy}</button>
        {canShare ? <button type="button" class="button primary" onClick={share}>{w.invite.share}</button> : null}
      </div>
    </div>
  );
}
