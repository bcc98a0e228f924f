import { LabelledCounter } from "../../ops/metrics.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import { Refused } from "../guards/refusals.ts";

/** The kinds of refusals, as `warren_tokens_refused_total` counts them, with the refusal of the handshake. */
const kinds = {
  missing: "unauthenticated",
  ambiguous: "unauthenticated",
  oversize: "unauthenticated",
  malformed: "unauthenticated",
  algorithm: "unauthenticated",
  key: "unauthenticated",
  signature: "unauthenticated",
  expired: "unauthenticated",
  revoked: "unauthenticated",
  notYetValid: "unauthenticated",
  issuer: "unauthenticated",
  audience: "unauthenticated",
  subject: "unauthenticated",
  claim: "unauthenticated",
  clientId: "forbidden",
  publish: "forbidden",
  subscribe: "forbidden",
  noKeys: "noKeys",
} as const;

/** Why a token is refused, for metrics. */
export type TokenRefusalKind = keyof typeof kinds;

/** A refusal, in words for the client. They contain nothing of the token but its algorithm. */
export class TokenRefusal extends Refused {
  readonly kind: TokenRefusalKind;

  constructor(kind: TokenRefusalKind, why: string) {
    super(kinds[kind], why);
    this.kind = kind;
  }

  /** How a connection ends because of it. The close code has the same name as the handshake's refusal. */
  get close() {
    return closeCodes[kinds[this.kind]];
  }
}

/** A client has no token in its handshake, and must have one there. */
export const missing = new TokenRefusal(
  "missing",
  "a token is needed: as Authorization: Bearer TOKEN, or as ?token=TOKEN",
);

/** Counts refusals by their kind. */
export function countTokenRefusals(): LabelledCounter<TokenRefusalKind> {
  return new LabelledCounter(
    {
      name: "warren_tokens_refused_total",
      help: "Handshakes and frames that were refused for their token, or for what it does not allow.",
      label: "reason",
    },
    Object.keys(kinds) as TokenRefusalKind[],
  );
}
