/**
 * Asking one person's pod, or whoever of their devices is awake; and the HTTP client of a pod, for this device (protocol §1.3): it exchanges the device's signature for
 * an access token, keeps the token until shortly before it ends, and proves each request.
 *
 * Nothing that the pod says decides where a token goes: the issuer is the one that pairing or the
 * friend's ways named, and the realm is the pod's URL.
 */

import type { Env } from "../env.ts";
import { objectIn, string, whole } from "../json.ts";
import type { Signer } from "../webid/key.ts";
import type { PodWay } from "../webid/way.ts";
import { askedNonce, dpop, selfIssued } from "../webid/proof.ts";
import { codeOf, Failure, retryAfter, type Role } from "./errors.ts";
import { type Answer, ask, type Request } from "./wire.ts";

/** Asking is a request below the pod's URL, or to another address of its host. */
export type Asking = Omit<Request, "url"> & Where & {
  /** Statuses that are answers here; others reject. All of 2xx when absent. */
  readonly allow?: readonly number[];
  /** It is answered within minutes or not at all: no relay keeps it for when somebody awakes. */
  readonly brief?: boolean;
};

/** Where says whither: `path` is relative to the pod's URL, escaped, without a slash at the front; `url` is below its issuer. */
type Where = { readonly path: string } | { readonly url: string };

/** Client asks one person: their pod over HTTPS, or their devices by sealed requests. Whoever asks does not see which. */
export interface Client {
  /** The URL below which lie what answers speak of. */
  readonly way: Pick<PodWay, "pod">;
  /** ask rejects with a `Failure` for a status that is not allowed, and with the code `waiting` when a relay keeps the request until
   * somebody answers it: then the next ask of the same gets that answer. The code is `asleep` when nobody answers and no answer could come later. */
  ask(asking: Asking): Promise<Answer>;
  /** refusedForGood tells whether a refusal can be believed: the friend or the pod does not know this device any more. */
  refusedForGood(error: unknown): boolean;
}

interface Token {
  readonly text: string;
  readonly until: number;
}

/** A token is renewed this long before it ends, in milliseconds. */
const margin = 30_000;
/** Clocks that differ less than this are left alone, in milliseconds. */
const tolerance = 20_000;
/** The longest device list that is read of a refusal, in UTF-16 code units. */
const maxList = 64 << 10;

/** PodClient asks one pod over HTTPS. */
export class PodClient implements Client {
  readonly way: PodWay;
  readonly #env: Env;
  readonly #signer: Signer;
  readonly #role: Role;
  readonly #deviceList: () => string | undefined;
  #token: Promise<Token> | undefined;
  #nonce: string | undefined;
  #skew = 0;
  /** The server's clock was seen, so that a refusal cannot come from ours. */
  #clockSeen = false;

  constructor(env: Env, way: PodWay, signer: Signer, role: Role, deviceList: () => string | undefined) {
    this.#env = env;
    this.way = way;
    this.#signer = signer;
    this.#role = role;
    this.#deviceList = deviceList;
  }

  /** ask sends a request with proof; rejects with a `Failure` for a status that is not allowed. */
  async ask(asking: Asking): Promise<Answer> {
    const { allow } = asking;
    const request: Request = { ...asking, url: this.#whither(asking) };
    let answer = await this.#attempt(request);
    if (answer.status === 401) answer = await this.#again(request, answer);
    if (!allowed(answer.status, allow)) throw this.#failure(answer, `${request.method} ${request.url.split("?")[0] ?? ""}`);
    return answer;
  }

  /** whither lets no token go where the issuer does not stand. */
  #whither(where: Where): string {
    if ("path" in where) return this.way.pod + where.path;
    if (!where.url.startsWith(`${this.way.issuer}/`)) throw new RangeError("ask: the address is not the issuer's");
    return where.url;
  }

  refusedForGood(error: unknown): boolean {
    return error instanceof Failure && error.status === 401 && this.#clockSeen;
  }

  async #attempt(request: Request): Promise<Answer> {
    const { text: token } = await this.#current();
    const proof = await this.#prove(request, token);
    const headers = { ...request.headers, Authorization: `DPoP ${token}`, DPoP: proof };
    return this.#heard(await ask(this.#env, { ...request, headers }, this.#role));
  }

  /** again repeats a request once that was answered with 401: with the nonce that was asked for, or with a new token. */
  async #again(request: Request, answer: Answer): Promise<Answer> {
    const nonce = await askedNonce(responseOf(answer));
    if (nonce !== undefined) this.#nonce = nonce;
    else this.#token = undefined;
    return this.#attempt(request);
  }

  /** current returns a token that will hold for a while; those who ask at the same time share one. */
  async #current(): Promise<Token> {
    const held = this.#token;
    const token = await held;
    if (token !== undefined && this.#clock() < token.until) return token;
    if (this.#token === held) this.#token = this.#exchange();
    return this.#token ?? this.#current();
  }

  /** exchange asks the issuer for a token; a second time when it wants a nonce or when its clock is not ours. */
  async #exchange(): Promise<Token> {
    try {
      return await this.#exchanged();
    } catch (error) {
      this.#token = undefined;
      throw error;
    }
  }

  async #exchanged(): Promise<Token> {
    const before = this.#skew;
    let answer = await this.#askIssuer();
    const nonce = await askedNonce(responseOf(answer));
    if (nonce !== undefined) this.#nonce = nonce;
    if (answer.status !== 200 && (nonce !== undefined || this.#skew !== before)) answer = await this.#askIssuer();
    if (answer.status !== 200) throw this.#noToken(answer);
    const json = objectIn(answer.bytes);
    const token = string(json?.access_token, 8192);
    if (token === undefined || json?.token_type !== "DPoP") throw new Failure(codeOf(401, this.#role), "POST token", answer.status);
    return { text: token, until: this.#clock() + (whole(json.expires_in) ?? 60) * 1000 - margin };
  }

  async #askIssuer(): Promise<Answer> {
    const { issuer, pod } = this.way;
    const url = `${issuer}/token`;
    const list = this.#deviceList();
    const form = new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      resource: pod,
      subject_token: await selfIssued(this.#signer, issuer, this.#chance()),
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      ...(list === undefined ? {} : { device_list: list }),
    });
    const request: Request = { method: "POST", url };
    const headers = { "Content-Type": "application/x-www-form-urlencoded", DPoP: await this.#prove(request) };
    return this.#heard(await ask(this.#env, { ...request, headers, body: form.toString() }, this.#role));
  }

  #prove({ method, url }: Request, token?: string): Promise<string> {
    return dpop(this.#signer, { method, url, token, nonce: this.#nonce }, this.#chance());
  }

  /** heard notes the server's clock, where the answer lets us see it. */
  #heard(answer: Answer): Answer {
    const date = Date.parse(answer.headers.get("Date") ?? "");
    if (Number.isNaN(date)) return answer;
    const skew = date - this.#env.now();
    if (Math.abs(skew - this.#skew) > tolerance) this.#skew = Math.abs(skew) > tolerance ? skew : 0;
    this.#clockSeen = true;
    return answer;
  }

  #clock(): number {
    return this.#env.now() + this.#skew;
  }

  #chance(): { readonly now: () => number; readonly random: Env["random"] } {
    return { now: () => this.#clock(), random: this.#env.random };
  }

  /** noToken is the failure of an exchange: an OAuth error counts as 401, whatever status carries it (RFC 6749 §5.2). */
  #noToken(answer: Answer): Failure {
    if (answer.status !== 400) return this.#failure(answer, "POST token");
    return new Failure(codeOf(401, this.#role), "POST token", 401, { deviceList: string(objectIn(answer.bytes)?.device_list, maxList) });
  }

  #failure(answer: Answer, what: string): Failure {
    const wait = retryAfter(answer.headers, this.#clock());
    return new Failure(codeOf(answer.status, this.#role), what, answer.status, { retryAfter: wait });
  }
}

/** allowed tells whether a status is an answer. */
export function allowed(status: number, allow: readonly number[] | undefined): boolean {
  return allow === undefined ? status >= 200 && status < 300 : allow.includes(status);
}

function responseOf({ status, headers, bytes }: Answer): Response {
  return new Response(status === 204 || status === 304 ? null : bytes, { status, headers });
}
