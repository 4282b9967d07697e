/** Sessions of the unmodified library, signed in by client credentials. */

import { Session } from "@inrupt/solid-client-authn-node";
import type { Credentials, Person, Server } from "./server.ts";

/** Actor is a person who has signed in; `fetch` sends their token and proofs. */
export interface Actor extends Person {
  readonly session: Session;
  readonly fetch: typeof fetch;
}

/** signIn opens a session; it rejects unless the issuer says that it is that person. */
export async function signIn(person: Person, credentials: Credentials = person.credentials): Promise<Session> {
  const session = new Session({ keepAlive: false });
  await session.login({ oidcIssuer: person.issuer, clientId: credentials.id, clientSecret: credentials.secret, clientName: "apps" });
  if (!session.info.isLoggedIn || session.info.webId !== person.webid) {
    throw new Error(`sign in: ${JSON.stringify(session.info)}, not ${person.webid}`);
  }
  return session;
}

/** actor makes a person on that server and signs them in. */
export async function actor(server: Server, name: string): Promise<Actor> {
  const person = await server.person(name);
  const session = await signIn(person);
  return { ...person, session, fetch: session.fetch };
}
