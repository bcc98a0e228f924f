import { checkKeySetUrl } from "../kinds/checks.ts";
import { choice, list, span, text, toggle } from "../kinds/kinds.ts";
import { managing, option, optional } from "../kinds/option.ts";

/** Options that say whose tokens a manager accepts. */
export const tokenOptions = {
  auth: option(
    choice("none", "jwt"),
    "none",
    managing,
    "`jwt`: clients need a JSON Web Token, checked with one of the next three options",
  ),
  jwtSecretFile: optional(
    text("FILE"),
    "none",
    managing,
    "file with the secret of tokens signed with HS256, HS384 or HS512, at least 32 bytes; read again on SIGHUP",
  ),
  jwtPublicKeyFile: optional(
    text("FILE"),
    "none",
    managing,
    "PEM file of the public keys of tokens signed with RSA, EC or Ed25519; read again on SIGHUP",
  ),
  jwksUrl: optional(
    text("URL", checkKeySetUrl),
    "none",
    managing,
    "where the issuer publishes its keys (JWKS); fetched again every 5 minutes and for unknown keys",
  ),
  jwksCa: optional(
    text("FILE"),
    "the system's",
    managing,
    "certificates (PEM) of the authorities that the host of `--jwks-url` must chain to; read at each fetch",
  ),
  jwksWithoutTls: option(
    toggle,
    false,
    managing,
    "take `--jwks-url` over `http://` from another host: anybody that can change that traffic can make tokens",
  ),
  jwtIssuer: optional(list("NAME[,NAME…]"), "any", managing, "whose tokens are accepted (`iss`)"),
  jwtAudience: optional(
    list("NAME[,NAME…]"),
    "none",
    managing,
    "accept tokens for one of these (`aud`, else `client_id`); without this option, those that name no audience",
  ),
  jwtClaim: option(
    text("NAME"),
    "warren",
    managing,
    'the claim, or the path to it (`a.b`), that says what is allowed: `{"publish": ["a.*"], "subscribe": ["#"]}`',
  ),
  jwtLeewayMs: option(
    span(0, 300_000),
    5000,
    managing,
    "how far the clocks here and at the tokens' issuer may differ",
  ),
} as const;
