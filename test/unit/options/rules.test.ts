import { describe, expect, test } from "bun:test";
import { UsageError } from "../../../src/errors.ts";
import { parseCommand } from "../../../src/options/parse.ts";

function refusalOf(line: string): string {
  try {
    parseCommand(line.split(" "), {});
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    expect(error.message).not.toInclude("\n");
    return error.message;
  }
  throw new Error(`not refused: ${line}`);
}

describe("--auth jwt", () => {
  test("needs a source of keys", () => {
    expect(refusalOf("--auth jwt")).toBe(
      "--auth jwt needs exactly one of --jwt-secret-file, --jwt-public-key-file, --jwks-url to check tokens with: none is given",
    );
  });

  test.each([
    "--jwt-secret-file a --jwt-public-key-file b",
    "--jwt-secret-file a --jwks-url https://id.example/keys",
    "--jwt-public-key-file a --jwks-url https://id.example/keys",
  ])("has one source of keys, not %s", (sources) => {
    expect(refusalOf(`--auth jwt ${sources}`)).toEndWith("are given");
  });

  test.each([
    "--jwt-secret-file a",
    "--jwt-public-key-file a",
    "--jwks-url https://id.example/keys",
    "--jwt-issuer a",
    "--jwt-audience a",
    "--jwks-ca a",
  ])("is not forgotten: %s alone would check nothing", (flag) => {
    expect(refusalOf(flag)).toInclude("checks nothing without --auth jwt");
  });

  test("takes keys over http:// from another host only if it is told what that risks", () => {
    const url = "--auth jwt --jwks-url http://keycloak:8080/keys";
    expect(refusalOf(url)).toInclude("can make tokens; where nobody can, add --jwks-without-tls");
    expect(parseCommand(`${url} --jwks-without-tls`.split(" "), {})).toMatchObject({ do: "run" });
    for (const host of ["localhost", "127.0.0.1:8080", "[::1]"])
      expect(parseCommand(["--auth", "jwt", "--jwks-url", `http://${host}/keys`], {})).toMatchObject({
        do: "run",
      });
    expect(refusalOf(`${url} --jwks-without-tls --jwks-ca a`)).toInclude("--jwks-ca is for TLS");
    expect(refusalOf("--auth jwt --jwt-secret-file a --jwks-ca a")).toInclude("--jwks-ca is for TLS");
  });

  test.each(["http://id.example/keys", "file:///keys", "keys"])("takes no keys from %s", (url) => {
    expect(refusalOf(`--auth jwt --jwks-url ${url}`)).toInclude("must be an https:// URL");
  });
});

describe("TLS", () => {
  test.each([
    ["--tls-cert a", "--tls-cert needs --tls-key too"],
    ["--tls-key a", "--tls-key needs --tls-cert too"],
    ["--broker amqps://a --broker-cert a", "--broker-cert needs --broker-key too"],
    ["--broker amqps://a --broker-key a", "--broker-key needs --broker-cert too"],
  ])("has a certificate and its key, not only %s", (line, message) => {
    expect(refusalOf(line)).toStartWith(message);
  });

  test.each([
    "--broker-ca a",
    "--broker amqp://a --broker-ca a",
    "--broker amqps://a,amqp://b --broker-ca a",
  ])("of the broker needs amqps, not %s", (line) => {
    expect(refusalOf(line)).toBe("--broker-ca is for TLS: name RabbitMQ with --broker amqps://…");
  });
});

test.each([
  "--broker amqp://user:hidden@a",
  "--broker amqp://a",
  "--broker amqp://user@a,amqp://b",
  "--role all",
])("the password's file has the one password, for a user that is named: %s", (line) => {
  const message = refusalOf(`${line} --broker-password-file a`);
  expect(message).toStartWith("--broker-password-file has the password");
  expect(message).not.toInclude("hidden");
});

describe("--admin-port", () => {
  test.each([
    "--port 9000 --admin-port 9000",
    "--port 9000 --admin-port 9000 --host 0.0.0.0",
    "--port 9000 --admin-port 9000 --host localhost",
    "--port 9000 --admin-port 9000 --host 10.0.0.1 --admin-host ::",
  ])("is not the clients' own: %s", (line) => {
    expect(refusalOf(line)).toBe(
      "--port and --admin-port are both 9000: choose another --admin-port, or leave it out to have the operation routes on --port",
    );
  });

  test.each([
    "--port 0 --admin-port 0",
    "--port 9000 --admin-port 9001",
    "--port 9000 --admin-port 9000 --host 10.0.0.1",
    "--role processor --admin-port 8000 --broker amqp://localhost",
  ])("may be: %s", (line) => {
    expect(() => parseCommand(line.split(" "), {})).not.toThrow();
  });
});
