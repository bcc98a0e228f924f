import type { Logger } from "../../ops/logger.ts";
import { LabelledCounter, type LabelledMetric } from "../../ops/metrics.ts";

/** A reason to refuse a handshake, before the upgrade. docs/protocol.md lists them (`bun run docs`). */
export interface Refusal {
  /** The status of the HTTP answer. */
  readonly status: number;
  /** The answer's body, unless the code that refuses gives a more precise one. */
  readonly why: string;
  /** When this refusal occurs, for the docs. */
  readonly meaning: string;
  /** What the client should do, for the docs. */
  readonly advice: string;
  /** After how many seconds the client may try again unchanged; absent if it may not. */
  readonly retryAfterS?: number;
}

/** All refusals, by the name that metrics use. */
export const refusals = {
  invalid: {
    status: 400,
    why: "not a valid WebSocket handshake (RFC 6455, section 4.2.1): it needs Connection, Sec-WebSocket-Key and Sec-WebSocket-Version",
    meaning:
      "client id, topic, subprotocol, Host, query or handshake is not valid; the body says which (a parameter that is there twice is not valid either)",
    advice: "correct it",
  },
  host: {
    status: 403,
    why: "without tokens and TLS this manager answers only to IP addresses, localhost, and the host names in --allow-host",
    meaning:
      "the manager has neither tokens nor TLS, and `Host` is no IP address, not `localhost`, and not in `--allow-host`; for every path but `/healthz`",
    advice: "use the address, or have the name allowed",
  },
  origin: {
    status: 403,
    why: "pages of this origin may not connect: the manager's --allow-origin names those that may",
    meaning: "a browser on a page of another origin than the manager's, which `--allow-origin` does not name",
    advice: "open the manager's own page, or have the origin allowed",
  },
  unauthenticated: {
    status: 401,
    why: "a token is needed",
    meaning: "with `--auth jwt`: there is no token, or one that is not valid; the body says why",
    advice: "get a valid token",
  },
  forbidden: {
    status: 403,
    why: "the token does not allow this",
    meaning:
      "with `--auth jwt`: another client id than the token's `sub`, or a topic that it gives no right to",
    advice: "leave the client id out, or get a token that allows it",
  },
  notWebSocket: {
    status: 426,
    why: "this is a WebSocket endpoint: connect with ws://",
    meaning: "not a WebSocket request",
    advice: "connect with `ws://`",
  },
  noKeys: {
    status: 503,
    why: "the keys to check tokens with are not there yet: try again",
    meaning:
      "the keys of `--jwks-url` could not be fetched yet, or 256 others wait for the key that their tokens name to be fetched",
    advice: "connect again",
    retryAfterS: 5,
  },
  tooManyFromAddress: {
    status: 429,
    why: "too many clients are connected from this address: the manager's --max-clients-per-address says how many may be",
    meaning: "as many clients as `--max-clients-per-address` allows are connected from this address",
    advice: "close others first, or connect again with backoff",
    retryAfterS: 10,
  },
  tooManyAtOnce: {
    status: 503,
    why: "too many clients connect just now: connect again in a moment",
    meaning: "more than `--max-connections-per-second` connect just now",
    advice: "connect again with backoff",
    retryAfterS: 1,
  },
  tooManyClients: {
    status: 503,
    why: "this manager has as many clients as it may have: connect to another one",
    meaning: "as many clients as `--max-clients` allows are connected",
    advice: "connect to another manager, or again with backoff",
    retryAfterS: 10,
  },
  tooManyWithoutToken: {
    status: 503,
    why: "too many clients are connected that have shown no token yet: have it in the handshake, or connect again in a moment",
    meaning:
      "with `--auth jwt`: a quarter of the seats is taken by clients that have shown no token yet, and this one has none in its handshake",
    advice: "have the token in the handshake, or connect again with backoff",
    retryAfterS: 10,
  },
  stopping: {
    status: 503,
    why: "this manager is stopping: connect again",
    meaning: "the manager is stopping",
    advice: "connect again, to another one",
    retryAfterS: 1,
  },
} as const satisfies Record<string, Refusal>;

/** The reason for refusing a Host that does not name one host. */
export const notAHost = "the header Host has to name one host";

/** Names of refusals. */
export type RefusalName = keyof typeof refusals;

/** Says why a client is not admitted: checks return it in place of their result. */
export class Refused {
  readonly name: RefusalName;
  /** The reason, in words for the client. */
  readonly why: string;

  constructor(name: RefusalName, why: string = refusals[name].why) {
    this.name = name;
    this.why = why;
  }
}

/** Refuses a request that no client could make successfully. */
export function invalid(why: string): Refused {
  return new Refused("invalid", why);
}

/** Answers refused handshakes, and counts them. */
export class Refusals {
  readonly #counts = new LabelledCounter(
    { name: "warren_refused_total", help: "Handshakes that were refused.", label: "reason" },
    Object.keys(refusals) as RefusalName[],
  );

  readonly #logger: Pick<Logger, "debug" | "wants">;

  constructor(logger: Pick<Logger, "debug" | "wants">) {
    this.#logger = logger;
  }

  get metric(): LabelledMetric {
    return this.#counts.metric;
  }

  /** @param isJson whether the answer is JSON with the sentence as `error` */
  refuse(name: RefusalName, why: string = refusals[name].why, isJson = false): Response {
    this.#counts.add(name);
    if (this.#logger.wants("debug")) this.#logger.debug("handshake refused", { reason: name, why });
    const { status, retryAfterS }: Refusal = refusals[name];
    // A refused client must not keep a connection, and with it an open file.
    const headers: Record<string, string> = { connection: "close" };
    if (name === "notWebSocket") headers["upgrade"] = "websocket";
    // RFC 6750, section 3.
    if (name === "unauthenticated") headers["www-authenticate"] = "Bearer";
    if (retryAfterS !== undefined) headers["retry-after"] = `${retryAfterS}`;
    if (isJson) return Response.json({ error: why }, { status, headers });
    return new Response(`${why}\n`, { status, headers });
  }
}
