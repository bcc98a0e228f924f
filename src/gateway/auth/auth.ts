import { FatalError, reasonOf } from "../../errors.ts";
import type { Logger } from "../../ops/logger.ts";
import type { Grant } from "./grant.ts";
import { KeyFile } from "./key-file.ts";
import { defaultKeySetTiming, KeySet } from "./key-set.ts";
import { publicKeys, secretKeys } from "./keys.ts";
import { countTokenRefusals, TokenRefusal } from "./token-refusal.ts";
import { Tokens } from "./tokens.ts";

/** How tokens are checked: the options of `--auth jwt`. */
export interface AuthOptions {
  /** Contains the secret for HS256; undefined: other keys are used. */
  readonly jwtSecretFile: string | undefined;
  /** PEM file of one or more public keys. */
  readonly jwtPublicKeyFile: string | undefined;
  /** The URL at which a provider publishes its keys. */
  readonly jwksUrl: string | undefined;
  /** The accepted issuers; undefined: any issuer whose tokens the keys verify. */
  readonly jwtIssuer: readonly string[] | undefined;
  /** Tokens must be for one of these audiences; undefined: they must not name one. */
  readonly jwtAudience: readonly string[] | undefined;
  /** The claim with the client's rights. */
  readonly jwtClaim: string;
  /** How far clocks may differ, in milliseconds. */
  readonly jwtLeewayMs: number;
  /** PEM file of the CA certificates that the key set's host must chain to, in place of the system's. */
  readonly jwksCa: string | undefined;
}

/** `--auth jwt`: checks tokens with their keys, and counts refusals. */
export class Auth {
  readonly #file: KeyFile | undefined;
  readonly #set: KeySet | undefined;
  readonly #tokens: Tokens;
  readonly refusals = countTokenRefusals();

  /**
   * Reads the keys, or starts to fetch them. The options name exactly one source of keys.
   *
   * @throws FatalError if a key file or CA file cannot be used
   */
  static async open(options: AuthOptions, logger: Logger): Promise<Auth> {
    const auth = new Auth(options, logger);
    auth.#set?.start();
    await auth.#file?.read();
    return auth;
  }

  private constructor(options: AuthOptions, logger: Logger) {
    const { jwtSecretFile, jwtPublicKeyFile, jwksUrl, jwksCa } = options;
    if (jwtSecretFile !== undefined) this.#file = new KeyFile(jwtSecretFile, "--jwt-secret-file", secretKeys);
    else if (jwtPublicKeyFile !== undefined)
      this.#file = new KeyFile(jwtPublicKeyFile, "--jwt-public-key-file", publicKeys);
    else this.#set = new KeySet(jwksUrl!, logger, defaultKeySetTiming, jwksCa);
    const { jwtIssuer: issuer, jwtAudience: audience, jwtClaim: claim, jwtLeewayMs: leewayMs } = options;
    this.#tokens = new Tokens(this.#file ?? this.#set!, { issuer, audience, claim, leewayMs });
  }

  /** Whether tokens can be checked. */
  get hasKeys(): boolean {
    return (this.#file ?? this.#set)?.keys !== undefined;
  }

  /**
   * Reads the key file again. A file that cannot be used is reported and changes nothing. Returns false then, and if there is no such
   * file.
   */
  async reload(logger: Logger): Promise<boolean> {
    try {
      await this.#file?.read();
      return this.#file !== undefined;
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      logger.error("key file rejected, keeping the previous key", {
        reason: reasonOf(error),
      });
      return false;
    }
  }

  /**
   * Why a client's token is revoked; undefined if it is not.
   *
   * @param issuedAtMs undefined: the token does not say
   */
  revoked: (client: string, issuedAtMs: number | undefined) => string | undefined = () => undefined;
  /** Resolves when it is known which tokens are revoked. Checks wait for it. */
  revocationsKnown: Promise<unknown> | undefined;

  async verify(token: string): Promise<Grant | TokenRefusal> {
    const grant = await this.#tokens.verify(token);
    if (grant instanceof TokenRefusal || grant.user === undefined) return grant;
    if (this.revocationsKnown !== undefined) {
      await this.revocationsKnown;
      this.revocationsKnown = undefined;
    }
    const why = this.revoked(grant.user, grant.issuedAtMs);
    return why === undefined ? grant : new TokenRefusal("revoked", why);
  }

  close(): void {
    this.#set?.close();
  }
}
