/** What the tests ask of a server, whichever it is, and the addresses of those who have a pod there. */

/** Credentials are what a script signs in with (OAuth client credentials). */
export interface Credentials {
  readonly id: string;
  readonly secret: string;
}

/** Person is somebody with a pod and a WebID whose issuer is the pod's server. */
export interface Person {
  readonly name: string;
  /** The pod's root, with its last slash. */
  readonly pod: string;
  readonly webid: string;
  readonly issuer: string;
  readonly credentials: Credentials;
}

/** Server is a running Solid server. */
export interface Server {
  readonly kind: "kith" | "css";
  /** The base URL, without its last slash. */
  readonly url: string;
  /** person makes a pod, and credentials for it. */
  person(name: string): Promise<Person>;
  /** allowPublic lets access lists from that container down name everyone, where a server asks its owner for that. */
  allowPublic(person: Person, path: string): Promise<void>;
  close(): Promise<void>;
}
