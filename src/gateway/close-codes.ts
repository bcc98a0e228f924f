/**
 * Why Warren closes a client's connection, and what the client should do then. RFC 6455 section 7.4 has the codes.
 * docs/protocol.md prints them; the page has words of its own for them (static/session/closing.ts).
 */
export const closeCodes = {
  done: { code: 1000, reason: "the client disconnected", advice: "nothing" },
  goingAway: { code: 1001, reason: "the manager is stopping", advice: "reconnect after a short random wait" },
  stompError: {
    code: 1002,
    reason: "the ERROR frame says why",
    advice: "correct what the STOMP ERROR frame names",
  },
  invalidText: {
    code: 1007,
    reason: "text that is not UTF-8",
    advice: "send valid UTF-8, or a binary frame",
  },
  tooLarge: { code: 1009, reason: "message too large", advice: "send smaller messages" },
  silent: {
    code: 4408,
    reason: "no heart-beat came",
    advice: "reconnect with backoff",
  },
} as const;
