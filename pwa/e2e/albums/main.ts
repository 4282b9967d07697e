// An app that is not Kith, of another origin: it signs people in with Inrupt's library as that is published, and
// reads and writes in their pods.

import { EVENTS, Session } from "@inrupt/solid-client-authn-browser";

/** Outcome is what came of a sign-in when the person is back. */
export interface Outcome {
  readonly webid?: string | undefined;
  /** The OAuth error with which the host refused (RFC 6749 §4.1.2.1). */
  readonly refused?: string | undefined;
}

const session = new Session();
let refused: string | undefined;
session.events.on(EVENTS.ERROR, (error) => { refused = error ?? "unnamed"; });

const back = session.handleIncomingRedirect({ restorePreviousSession: false });

/** albums is what the test finds on the page. */
const albums = {
  async outcome(): Promise<Outcome> {
    await back;
    return { webid: session.info.webId, refused };
  },

  /** Leaves for the host; `clientId` is the address of a document about this app, without which it registers itself. */
  signIn(oidcIssuer: string, clientId?: string): Promise<void> {
    const as = clientId === undefined ? { clientName: "Albums" } : { clientId };
    return session.login({ oidcIssuer, redirectUrl: `${location.origin}/`, ...as });
  },

  async ask(method: string, url: string, body?: string): Promise<{ readonly status: number; readonly body: string }> {
    const answer = await session.fetch(url, { method, cache: "no-store", ...(body === undefined ? {} : { body, headers: { "Content-Type": "text/plain" } }) });
    return { status: answer.status, body: await answer.text() };
  },
};

export type Albums = typeof albums;

Object.assign(globalThis, { albums });
