/**
 * How connections end, and what the client should do then. The gateway closes with these codes. The page explains them and reconnects by
 * them (static/session/closing.ts), and docs/protocol.md lists them (`bun run docs`). RFC 6455, section 7.4, defines the codes below 4000;
 * ours are HTTP's with a 4 in front.
 */
export interface CloseCode {
  /** The code's number in RFC 6455; above 4000 it is ours. */
  readonly code: number;
  /** The close frame's reason. At most 123 bytes. */
  readonly reason: string;
  /** When it comes, for the docs. */
  readonly meaning: string;
  /** What the client should do, for the docs. */
  readonly advice: string;
  readonly reconnect: Reconnect;
  /** An explanation for people that look at the page. */
  readonly words: string;
}

/**
 * When a client should reconnect. All wait a random time that grows with every failure, so that clients do not come back all at once:
 * `soon` begins with half a second at most, `later` with several seconds. `corrected`: the same connection would end in the same way, so
 * first do what the advice says; a client that cannot does the same as for `later`.
 */
export type Reconnect = "soon" | "later" | "corrected";

/** The codes that Warren closes with. Several may share a number; the page uses the first one's words. */
export const closeCodes = {
  done: {
    code: 1000,
    reason: "the client disconnected",
    meaning: "the client sent DISCONNECT",
    advice: "nothing",
    reconnect: "soon",
    words: "The manager closed the connection",
  },
  goingAway: {
    code: 1001,
    reason: "the manager is stopping",
    meaning: "the manager is stopping",
    advice: "connect again, to any manager",
    reconnect: "soon",
    words: "The manager is shutting down or restarting",
  },
  restarting: {
    code: 1012,
    reason: "the manager is about to restart",
    meaning: "an operator drains the manager, so that its clients leave one after another",
    advice: "connect again, to any manager",
    reconnect: "soon",
    words: "The manager is restarting",
  },
  stompError: {
    code: 1002,
    reason: "the ERROR frame says why",
    meaning: "a STOMP fault, which the ERROR frame names, or a WebSocket one",
    advice: "correct what was sent",
    reconnect: "corrected",
    words: "The manager did not understand this page",
  },
  lost: {
    code: 1006,
    reason: "",
    meaning:
      "no close frame: the connection broke, the client answered no ping, or it read too slowly (`--client-buffer-bytes`; not where all its subscriptions are durable)",
    advice: "connect again",
    reconnect: "soon",
    words: "The connection was lost",
  },
  invalidText: {
    code: 1007,
    reason: "text that is not UTF-8",
    meaning: "a text frame was not UTF-8",
    advice: "send valid UTF-8, or a binary frame",
    reconnect: "soon",
    words: "A message was not valid text",
  },
  tooLarge: {
    code: 1009,
    reason: "message too large",
    meaning:
      "a plain-text message over `--max-message-bytes`, or a WebSocket message of STOMP `--max-header-bytes` over it",
    advice: "send smaller messages",
    reconnect: "soon",
    words: "A message was too large for the manager",
  },
  unauthenticated: {
    code: 4401,
    reason: "the token is missing, not valid, or has expired",
    meaning: "the token has expired, or a STOMP CONNECT had none that is valid: the ERROR frame says why",
    advice: "connect again with a new token",
    reconnect: "corrected",
    words: "The manager asks for a new token",
  },
  forbidden: {
    code: 4403,
    reason: "the token does not allow this",
    meaning:
      "a plain-text client sent something that its token does not let it publish, or a STOMP client did what its token does not allow, which the ERROR frame names",
    advice: "do only what the token allows, or connect with another",
    reconnect: "corrected",
    words: "The manager does not allow this",
  },
  silent: {
    code: 4408,
    reason: "no heart-beat came",
    meaning: "a STOMP client's heart-beats did not come",
    advice: "connect again, and send what was promised in CONNECT",
    reconnect: "soon",
    words: "This page was silent for too long",
  },
  noKeys: {
    code: 4503,
    reason: "the keys to check tokens with are not there yet",
    meaning: "a STOMP CONNECT had a token while the keys of `--jwks-url` were not there yet",
    advice: "connect again",
    reconnect: "later",
    words: "The manager cannot check tokens just now",
  },
  notConnected: {
    code: 4408,
    reason: "no CONNECT came",
    meaning: "a STOMP client did not send CONNECT within `--handshake-timeout`",
    advice: "send CONNECT at once",
    reconnect: "soon",
    words: "This page was silent for too long",
  },
  unfinished: {
    code: 4408,
    reason: "a message was not whole in time",
    meaning:
      "a STOMP frame, or a WebSocket message of more than 64 KiB, was not whole within `--message-timeout`",
    advice: "connect again, and send each message to its end",
    reconnect: "soon",
    words: "This page was silent for too long",
  },
  memoryFull: {
    code: 4507,
    reason: "the manager has no memory left for its clients, and this is one of those that use the most",
    meaning:
      "what is kept for all clients was more than `--clients-memory-bytes`, and this was one of those with the most",
    advice:
      "connect again, to another manager if there is one; send smaller frames, end transactions, and read",
    reconnect: "later",
    words: "The manager had no memory left for what this page had begun",
  },
  removed: {
    code: 4410,
    reason: "an operator has disconnected this client",
    meaning: "an operator or a program has disconnected the client by the control API",
    advice: "connect again only if there is a reason to",
    reconnect: "later",
    words: "This page was disconnected by an operator",
  },
  unfit: {
    code: 1008,
    reason: "the subscription is not possible",
    meaning:
      "a subscription was asked for that is not possible: the close reason says why. STOMP clients get an ERROR frame with it",
    advice: "change the subscription as the reason says",
    reconnect: "corrected",
    words: "The manager does not allow this connection",
  },
  flood: {
    code: 4429,
    reason: "too many messages for too long",
    meaning:
      "the client was over `--max-messages-per-second` or `--max-bytes-per-second` for `--flood-timeout`, though it was slowed down",
    advice: "send less",
    reconnect: "later",
    words: "This page sent too much for too long",
  },
} as const satisfies Record<string, CloseCode>;

/** Codes that a proxy, or a fault of the WebSocket server itself, may cause. The page knows these too. */
export const foreignCloseCodes: readonly Pick<CloseCode, "code" | "reconnect" | "words">[] = [
  { code: 1003, reconnect: "soon", words: "The manager does not take this kind of message" },
  { code: 1011, reconnect: "later", words: "The manager met a fault of its own" },
  { code: 1013, reconnect: "later", words: "The manager is too busy just now" },
];
