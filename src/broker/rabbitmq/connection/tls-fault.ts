import { codeOf } from "../../../errors.ts";

/** The codes of Bun and BoringSSL, and what to do about them. */
const remedies: readonly (readonly [code: RegExp, why: string])[] = [
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT.*))$/,
    "RabbitMQ's certificate is not of an authority that is trusted here: name the authority's with --broker-ca",
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    "RabbitMQ's certificate is for another host: name the host in --broker as the certificate does",
  ],
  [/^CERT_HAS_EXPIRED$/, "RabbitMQ's certificate has expired"],
  [
    /ALERT_CERTIFICATE_REQUIRED$/,
    "RabbitMQ asks for a client certificate: name one with --broker-cert and --broker-key",
  ],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(UNKNOWN|EXPIRED|REVOKED)|UNSUPPORTED_CERTIFICATE)$/,
    "RabbitMQ does not accept the client certificate in --broker-cert",
  ],
  [
    /WRONG_VERSION_NUMBER$/,
    "RabbitMQ does not speak TLS on this port: amqps:// has one of its own, 5671 as a rule",
  ],
];

/** A TLS error in words that say what to do; undefined for any other error. */
export function tlsFault(error: unknown): Error | undefined {
  const code = String(codeOf(error));
  const [, why] = remedies.find(([pattern]) => pattern.test(code)) ?? [];
  return why === undefined ? undefined : Object.assign(new Error(why, { cause: error }), { code });
}
