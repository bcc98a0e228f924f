import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import { clientIdRule, isClientId } from "../../message.ts";
import type { Grant } from "./grant.ts";
import type { Keys } from "./keys.ts";
import { RightsClaim } from "./rights-claim.ts";
import { TokenRefusal } from "./token-refusal.ts";

/** Longer tokens are refused. In characters, which are bytes, since tokens are Base64. */
const tokenBytesMax = 8192;
/**
 * How many checks may wait for keys to be fetched, because their tokens name an unknown key. Each keeps its client's seat, and anybody can
 * make such tokens. While the provider does not answer, further clients are told to try again.
 */
export const waitingForKeysMax = 256;
const notAToken = "this is not a signed JSON Web Token";

/** What a token has to contain, besides a valid signature. */
export interface TokenRules {
  /** Undefined: any issuer, or none. */
  readonly issuer: readonly string[] | undefined;
  /** Undefined: the token must not name an audience. */
  readonly audience: readonly string[] | undefined;
  /** The name of the claim with the rights, or the path to it: `realm_access.warren`. */
  readonly claim: string;
  /** How far the clocks here and at the issuer may differ. In milliseconds. */
  readonly leewayMs: number;
}

/** A source of keys, which may change at any time. */
export interface KeySource {
  /** Undefined: there are no keys yet. */
  readonly keys: Keys | undefined;
  /** A token named an unknown key. Resolves to true if the keys have changed, so that the token should be tried again. */
  renew(): Promise<boolean>;
}

/** Checks JSON Web Tokens (RFC 7519) with jose. Nothing that a token says about its own key is believed (RFC 8725). */
export class Tokens {
  readonly #source: KeySource;
  readonly #rules: TokenRules;
  readonly #rights: RightsClaim;
  #waitingForKeys = 0;

  constructor(source: KeySource, rules: TokenRules) {
    this.#source = source;
    this.#rules = rules;
    this.#rights = new RightsClaim(rules.claim);
  }

  /** What the token grants, or why it grants nothing. It never rejects: an error that is not the token's counts as one of the keys. */
  async verify(token: string): Promise<Grant | TokenRefusal> {
    if (token === "") return new TokenRefusal("missing", "the token is empty");
    if (token.length > tokenBytesMax)
      return new TokenRefusal("oversize", `the token has more than ${tokenBytesMax} bytes`);
    // jose accepts Base64 with spaces or padding, so the same token could be written in many ways.
    if (!/^[\w-]+\.[\w-]*\.[\w-]*$/.test(token)) return new TokenRefusal("malformed", notAToken);
    let outcome = await this.#check(token);
    if (outcome instanceof errors.JWKSNoMatchingKey) {
      if (this.#waitingForKeys >= waitingForKeysMax)
        return new TokenRefusal("noKeys", "the key for this token is being fetched: try again");
      this.#waitingForKeys++;
      const hasOthers = await this.#source.renew().finally(() => this.#waitingForKeys--);
      if (hasOthers) outcome = await this.#check(token);
    }
    return outcome instanceof Error ? refusalOf(outcome, token) : outcome;
  }

  async #check(token: string): Promise<Grant | TokenRefusal | Error> {
    const { keys } = this.#source;
    if (keys === undefined)
      return new TokenRefusal("noKeys", "the keys to check tokens with are not there yet: try again");
    const { issuer, leewayMs } = this.#rules;
    const options = {
      algorithms: [...keys.algorithms],
      clockTolerance: leewayMs / 1000,
      ...(issuer === undefined ? {} : { issuer: [...issuer] }),
    };
    try {
      return this.#grant((await jwtVerify(token, keys.find, options)).payload);
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return asError(error);
      return await this.#tryEach(token, error, options);
    }
  }

  /** Tries each key, since a token need not name one. */
  async #tryEach(
    token: string,
    candidates: errors.JWKSMultipleMatchingKeys,
    options: Parameters<typeof jwtVerify>[2],
  ): Promise<Grant | TokenRefusal | Error> {
    for await (const key of candidates) {
      try {
        return this.#grant((await jwtVerify(token, key, options)).payload);
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) return asError(error);
      }
    }
    return new errors.JWSSignatureVerificationFailed();
  }

  #grant(claims: JWTPayload): Grant | TokenRefusal {
    const { sub, exp, iat } = claims;
    if (!isUser(sub)) {
      return new TokenRefusal("subject", `the token's sub is the client id: ${clientIdRule}`);
    }
    const stranger = this.#audienceRefusal(claims);
    if (stranger !== undefined) return stranger;
    const permissions = this.#rights.read(claims);
    if (typeof permissions === "string")
      return new TokenRefusal("claim", `the token's claim "${this.#rules.claim}" ${permissions}`);
    const expiresAtMs = (exp ?? Number.POSITIVE_INFINITY) * 1000 + this.#rules.leewayMs;
    const issued = iat === undefined ? {} : { issuedAtMs: iat * 1000 };
    return { user: sub, permissions, expiresAtMs, ...issued };
  }

  /** RFC 7519, section 4.1.3: a token that names audiences is not for others. */
  #audienceRefusal({ aud, client_id: clientId }: JWTPayload): TokenRefusal | undefined {
    const { audience } = this.#rules;
    if (audience === undefined) {
      // Ory Hydra's tokens have an empty list if no audience was asked for.
      return aud === undefined || (Array.isArray(aud) && aud.length === 0)
        ? undefined
        : new TokenRefusal("audience", "the token is for an audience (aud), and --jwt-audience names none");
    }
    // Cognito's access tokens have no aud. Their client_id tells for which application they were made.
    const named = aud ?? (typeof clientId === "string" ? clientId : undefined);
    if (named === undefined) return new TokenRefusal("audience", "the token has no aud");
    const names: readonly unknown[] = Array.isArray(named) ? named : [named];
    return names.some((name) => typeof name === "string" && audience.includes(name))
      ? undefined
      : new TokenRefusal("audience", "the token is for another audience (aud)");
  }
}

/**
 * Whether it can be a user's name. Messages for one client are addressed by it, so two users must not become the same one: text that is not
 * well-formed Unicode could, when AMQP carries it as UTF-8.
 */
function isUser(sub: unknown): sub is string {
  return typeof sub === "string" && isClientId(sub) && sub.isWellFormed() && !/\p{Cc}/u.test(sub);
}

/** jose's error in words that contain nothing of the token. */
function refusalOf(error: Error, token: string): TokenRefusal {
  if (error instanceof errors.JWTExpired) return new TokenRefusal("expired", "the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed) return claimRefusal(error);
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new TokenRefusal("signature", "the token's signature is not that of the key");
  if (error instanceof errors.JOSEAlgNotAllowed)
    return new TokenRefusal("algorithm", `tokens are not signed by ${algorithmOf(token)} here`);
  if (error instanceof errors.JWKSNoMatchingKey)
    return new TokenRefusal("key", "there is no key for this token: its kid and algorithm fit none");
  if (error instanceof errors.JOSENotSupported)
    return new TokenRefusal(
      "malformed",
      "the token needs what is not supported: an extension (crit), or encryption",
    );
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid)
    return new TokenRefusal("malformed", notAToken);
  // A key of the set is too short, or of another kind than it says.
  return new TokenRefusal("key", "the key for this token cannot be used");
}

function claimRefusal({ claim, reason }: errors.JWTClaimValidationFailed): TokenRefusal {
  if (reason === "missing") {
    return new TokenRefusal(claim === "iss" ? "issuer" : "malformed", `the token has no ${claim}`);
  }
  if (reason === "invalid")
    return new TokenRefusal("malformed", `the token's ${claim} is not what it should be`);
  switch (claim) {
    case "nbf":
      return new TokenRefusal("notYetValid", "the token is not valid yet (nbf)");
    case "iss":
      return new TokenRefusal("issuer", "the token is of another issuer (iss)");
    default:
      return new TokenRefusal("malformed", `the token's ${claim} is not what it should be`);
  }
}

/** The token's algorithm, repeated only if it has a known form: a token may have any text there. */
function algorithmOf(token: string): string {
  try {
    const { alg } = decodeProtectedHeader(token);
    return alg !== undefined && /^[A-Za-z0-9-]{1,20}$/.test(alg) ? alg : "this algorithm";
  } catch {
    return "this algorithm";
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
