import { UsageError } from "../errors.ts";
import { isExposed, memoryBroker } from "./kinds/checks.ts";
import { flagOf } from "./names.ts";
import type { OptionName, Options } from "./table.ts";

/**
 * Checks options that depend on one another.
 *
 * @throws UsageError
 */
export function checkTogether(options: Options): void {
  checkBroker(options);
  checkBrokerSecrets(options);
  checkAuth(options);
  checkPair(options, "tlsCert", "tlsKey");
  checkReusePort(options);
  checkAdminPort(options);
}

/** Addresses on which a port is taken on all others, too. */
const anyAddress: ReadonlySet<string> = new Set(["0.0.0.0", "::", "[::]"]);

/** Otherwise the port would be called in use, and nobody would think of Warren itself. */
function checkAdminPort({ role, port, host, adminPort, adminHost }: Options): void {
  if (role === "processor" || port === 0 || port !== adminPort) return;
  const [one, other] = [host, adminHost].map((name) => (name === "localhost" ? "127.0.0.1" : name));
  if (one !== other && !anyAddress.has(host) && !anyAddress.has(adminHost)) return;
  throw new UsageError(
    `--port and --admin-port are both ${port}: choose another --admin-port, or leave it out to have the operation routes on --port`,
  );
}

/** Managers that share a port share the clients, so all of them have to use the same RabbitMQ. */
function checkReusePort({ reusePort, broker }: Options, platform = process.platform): void {
  if (!reusePort) return;
  if (platform !== "linux")
    throw new UsageError("--reuse-port needs Linux, which spreads connections over those that share a port");
  if (broker.includes(memoryBroker))
    throw new UsageError(
      `--reuse-port is for managers that share RabbitMQ: each with --broker ${memoryBroker} would have clients of its own; name --broker amqp://…`,
    );
}

function checkBroker({ role, broker }: Options): void {
  if (!broker.includes(memoryBroker)) return;
  if (broker.length > 1) {
    throw new UsageError(`--broker ${memoryBroker} cannot be mixed with other URLs: name one or the other`);
  }
  if (role === "manager" || role === "processor") {
    throw new UsageError(
      `--broker ${memoryBroker} lives in one process, so --role ${role} would be alone with it: use --role all, or an amqp:// URL`,
    );
  }
}

function checkBrokerSecrets(options: Options): void {
  const urls = options.broker.map((url) => new URL(url));
  checkPair(options, "brokerCert", "brokerKey");
  for (const name of ["brokerCa", "brokerCert"] as const) {
    if (options[name] !== undefined && !urls.every(({ protocol }) => protocol === "amqps:"))
      throw new UsageError(`${flagOf(name)} is for TLS: name RabbitMQ with --broker amqps://…`);
  }
  if (options.brokerPasswordFile === undefined) return;
  if (!urls.every(({ username, password }) => username !== "" && password === "")) {
    throw new UsageError(
      "--broker-password-file has the password: name the user alone in --broker, as in amqp://user@host:5672",
    );
  }
}

const keySources = ["jwtSecretFile", "jwtPublicKeyFile", "jwksUrl"] as const;
const tokenRules = ["jwtIssuer", "jwtAudience", "jwksCa"] as const;

function checkAuth(options: Options): void {
  const given = keySources.filter((name) => options[name] !== undefined);
  if (options.auth === "none") {
    const stray = [...given, ...tokenRules.filter((name) => options[name] !== undefined)][0];
    if (stray !== undefined)
      throw new UsageError(`${flagOf(stray)} checks nothing without --auth jwt: add that, or leave it out`);
    return;
  }
  if (given.length !== 1) {
    const which = given.length === 0 ? "none is given" : `${given.map(flagOf).join(" and ")} are given`;
    throw new UsageError(
      `--auth jwt needs exactly one of ${keySources.map(flagOf).join(", ")} to check tokens with: ${which}`,
    );
  }
  checkKeySet(options);
}

function checkKeySet({ jwksUrl, jwksCa, jwksWithoutTls }: Options): void {
  if (jwksUrl !== undefined && isExposed(jwksUrl) && !jwksWithoutTls) {
    throw new UsageError(
      "--jwks-url must be an https:// URL, or http:// on this machine (localhost): anybody that can change its answer on the way can make tokens; where nobody can, add --jwks-without-tls",
    );
  }
  if (jwksCa !== undefined && !jwksUrl?.startsWith("https:"))
    throw new UsageError("--jwks-ca is for TLS: name the key set with --jwks-url https://…");
}

function checkPair(options: Options, one: OptionName, other: OptionName): void {
  if ((options[one] === undefined) === (options[other] === undefined)) return;
  const [given, missing] = options[one] === undefined ? [other, one] : [one, other];
  throw new UsageError(
    `${flagOf(given)} needs ${flagOf(missing)} too: a certificate and its key belong together`,
  );
}
