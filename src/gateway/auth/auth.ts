import { FatalError, reasonOf } from "../../errors.ts";
import type { Logger } from "../../ops/logger.ts";
import type { Grant } from "./grant.ts";
import { KeyFile } from "./key-file.ts";
import { defaultKeySetTiming, KeySet } from "./key-set.ts";
import { publicKeys, secretKeys } from "./keys.ts";
import { countTokenRefusals, TokenRefusal } from "./token-refusal.ts";
import { Tokens } from "./tokens.ts";

/** How tokens are checked: the flags of `--auth jwt`. */
export interface AuthOptions {
  /** Has the secret for HS256; undefined: other keys check. */
  readonly jwtSecretFile: string | undefined;
  /** PEM file of a public key, or several. */
  readonly jwtPublicKeyFile: string | undefined;
  /** Where a provider publishes its keys. */
  readonly jwksUrl: string | undefined;
  /** Those whose tokens are taken; undefined: anybody's that the keys check. */
  readonly jwtIssuer: readonly string[] | undefined;
  /** Tokens are for one of these; undefined: for anybody. */
  readonly jwtAudience: readonly string[] | undefined;
  /** The claim that has the rights. */
  readonly jwtClaim: string;
  /** How far clocks may differ. */
  readonly jwtLeewayMs: number;
  /** PEM file of the CA certificates that the key set's host must chain to, instead of those that the system trusts. */
  readonly jwksCa: string | undefined;
}

/** `--auth jwt`: the tokens, their keys, and how often one was refused. */
export class Auth {
  readonly #file: KeyFile | undefined;
  readonly #set: KeySet | undefined;
  readonly #tokens: Tokens;
  readonly refusals = countTokenRefusals();

  /**
   * Begins to fetch the keys, or reads them. The options name exactly one source of keys.
   *
   * @throws FatalError if there is a file of a key or an authority that cannot be used
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

  /** Reads the key file again. One that cannot be used changes nothing, and is reported. */
  async reload(logger: Logger): Promise<void> {
    try {
      await this.#file?.read();
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      logger.error("key file rejected, keeping the previous key", {
        reason: reasonOf(error),
      });
    }
  }

  /**
   * Why a client's token is revoked; undefined if it is not.
   *
   * @param issuedAtMs undefined: it does not say
   */
  revoked: (client: string, issuedAtMs: number | undefined) => string | undefined = () => undefined;
  /** Tokens are checked when it is fulfilled: before, it is not known which are revoked. */
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
