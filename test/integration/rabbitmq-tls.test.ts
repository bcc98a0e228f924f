import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CertificateAuthority, type IssuedCertificate } from "../support/certificates.ts";
import { connect } from "../support/client.ts";
import { type RabbitmqNode, startRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-broker-tls-"));
let authority: CertificateAuthority;
let stranger: CertificateAuthority;
let client: IssuedCertificate;
let node: RabbitmqNode;

/** Has characters that a URL would have to encode. */
const password = "pä:s/s@w%rd #";

beforeAll(async () => {
  [authority, stranger] = await Promise.all([
    CertificateAuthority.create(folder),
    CertificateAuthority.create(folder, "stranger"),
  ]);
  client = await authority.issue("client");
  node = await startRabbitmq({
    plugins: ["rabbitmq_auth_mechanism_ssl"],
    tls: { ...(await authority.issue("rabbitmq")), clientCa: authority.cert, isLogin: true },
  });
  await node.addUser("warren", password);
});
afterAll(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const url = (more = "guest:guest@127.0.0.1") => `amqps://${more}:${node.tlsPort}`;
const trusting = () => ["--broker-ca", authority.cert];
const showing = ({ cert, key }: IssuedCertificate) => ["--broker-cert", cert, "--broker-key", key];

/** Why RabbitMQ is not reached, as the log says; the manager runs, and is not ready for the same reason. */
async function whyNotReached(...args: string[]): Promise<string> {
  await using warren = await startWarren(["--role", "manager", ...args]);
  const line = await warren.waitForLog(({ level }) => level === "warn", "RabbitMQ is not reached");
  expect(line.msg).toBe("broker not reachable, trying again");
  const readyz = await fetch(new URL("/readyz", warren.url));
  expect([readyz.status, await readyz.text()]).toEqual([
    503,
    expect.stringContaining(String(line["reason"])),
  ]);
  return String(line["reason"]);
}

/** Where its words do not say what they are not to say. */
function expectNoSecret(warren: WarrenProcess): void {
  for (const part of [password, encodeURIComponent(password), "PRIVATE"])
    expect(JSON.stringify(warren.log)).not.toInclude(part);
}

describe("amqps", () => {
  test("reaches a RabbitMQ that is trusted and that asks for a client certificate, both ways", async () => {
    const tls = ["--broker", url(), ...trusting(), ...showing(client)];
    await using manager = await startWarren(["--role", "manager", ...tls], { readyWhen: "ready" });
    await using processor = await startWarren(["--role", "processor", ...tls], { readyWhen: "running" });
    await processor.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "the processor is there");
    await using anna = await connect(manager.wsUrl());
    anna.send("hello");
    expect(await anna.next()).toBe("processed message: hello");
  });

  test("with the user's password from a file", async () => {
    const passwordFile = file("password", `${password}\n`);
    const args = ["--broker", url("warren@localhost"), "--broker-password-file", passwordFile];
    await using warren = await startWarren(
      [...args, ...trusting(), ...showing(client), "--log-level", "debug"],
      {
        readyWhen: "ready",
      },
    );
    await using anna = await connect(warren.wsUrl());
    anna.send("hello");
    expect(await anna.next()).toBe("processed message: hello");
    expectNoSecret(warren);
  });

  test("with the user and password in the URL, whatever characters they have", async () => {
    const user = "jürgen/€";
    await node.addUser(user, password);
    const broker = url(`${encodeURIComponent(user)}:${encodeURIComponent(password)}@localhost`);
    await using warren = await startWarren(["--broker", broker, ...trusting(), ...showing(client)], {
      readyWhen: "ready",
    });
    expectNoSecret(warren);
  });

  test("logs in by its certificate where the URL names no user", async () => {
    const robot = await authority.issue("robot");
    const args = ["--broker", url("localhost"), ...trusting(), ...showing(robot)];
    const refused = await startWarren(args, { readyWhen: "running" });
    expect(await refused.exited).toBe(1);
    expect(refused.log.at(-1)!.msg).toInclude(
      "refused the client certificate: it needs a user of the certificate's name",
    );
    await node.addUser("robot", "never used");
    await node.clearPassword("robot");
    await using warren = await startWarren(args, { readyWhen: "ready" });
    await using anna = await connect(warren.wsUrl());
    anna.send("hello");
    expect(await anna.next()).toBe("processed message: hello");
  });

  test("takes a password that was changed in its file, at the next connection", async () => {
    await node.addUser("rotated", "first");
    const passwordFile = file("rotated", "first");
    const args = ["--broker", url("rotated@localhost"), "--broker-password-file", passwordFile];
    await using warren = await startWarren([...args, ...trusting(), ...showing(client)], {
      readyWhen: "ready",
    });
    await node.changePassword("rotated", "second");
    file("rotated", "\ufeffsecond\n");
    await node.closeConnections("rotation");
    await warren.waitForLog(({ msg }) => msg === "broker is back", "it is connected again", 30_000);
    // While there is no file, it goes on trying.
    rmSync(passwordFile);
    await node.closeConnections("rotation");
    const readyz = new URL("/readyz", warren.url);
    await until(async () => (await (await fetch(readyz)).text()).includes("cannot be read"), "it says why");
    file("rotated", "second");
    await warren.waitUntilReady();
  });

  test("with a wrong password in the file is one line and exit 1", async () => {
    const args = [
      "--broker",
      url("warren@localhost"),
      "--broker-password-file",
      file("wrong", "something else"),
    ];
    const warren = await startWarren([...args, ...trusting(), ...showing(client)], { readyWhen: "running" });
    expect(await warren.exited).toBe(1);
    const last = warren.log.at(-1)!.msg;
    expect(last).toInclude(
      "refused the user or password: correct them in --broker or --broker-password-file",
    );
    expect(JSON.stringify(warren.log)).not.toInclude("something else");
  });

  test("says what to do where RabbitMQ is not to be trusted", async () => {
    const unknown = "is not of an authority that is trusted here: name the authority's with --broker-ca";
    expect(await whyNotReached("--broker", url(), ...showing(client))).toInclude(unknown);
    const trustsStranger = ["--broker-ca", stranger.cert];
    expect(await whyNotReached("--broker", url(), ...trustsStranger, ...showing(client))).toInclude(unknown);
  });

  test("says what to do where RabbitMQ does not accept the client", async () => {
    expect(await whyNotReached("--broker", url(), ...trusting())).toInclude("asks for a client certificate");
    const strange = showing(await stranger.issue("client"));
    expect(await whyNotReached("--broker", url(), ...trusting(), ...strange)).toInclude(
      "does not accept the client certificate",
    );
  });

  test("says what to do where there is no TLS", async () => {
    expect(await whyNotReached("--broker", `amqps://127.0.0.1:${node.port}`, ...trusting())).toInclude(
      "does not speak TLS on this port",
    );
  });

  test("does not take one host's certificate for another's", async () => {
    const onlyByName = await authority.issue("rabbitmq", "DNS:localhost");
    const certificate = showing(client);
    await using other = await startRabbitmq({ tls: onlyByName });
    expect(await whyNotReached("--broker", `amqps://127.0.0.1:${other.tlsPort}`, ...trusting())).toInclude(
      "is for another host",
    );
    // It offers no login by certificate.
    expect(
      await whyNotReached("--broker", `amqps://localhost:${other.tlsPort}`, ...trusting(), ...certificate),
    ).toInclude("turn that on, or name a user in --broker");
    // By its own name it is trusted, and asks for no certificate of the client.
    await using warren = await startWarren(
      ["--broker", `amqps://localhost:${other.tlsPort}`, ...trusting()],
      {
        readyWhen: "ready",
      },
    );
    await using anna = await connect(warren.wsUrl());
    anna.send("hello");
    expect(await anna.next()).toBe("processed message: hello");
  });
});

describe("a file that cannot be used", () => {
  const none = join(folder, "none");
  test.each([
    ["--broker-ca", () => ["--broker-ca", none], "cannot be read"],
    ["--broker-ca", () => ["--broker-ca", client.key], "has no certificate in PEM format"],
    ["--broker-cert", () => ["--broker-cert", none, "--broker-key", client.key], "cannot be read"],
    [
      "--broker-key",
      () => ["--broker-cert", authority.cert, "--broker-key", client.key],
      "is not the key of",
    ],
    ["--broker-password-file", () => ["--broker-password-file", none], "cannot be read"],
    ["--broker-password-file", () => ["--broker-password-file", file("empty", "\n")], "is empty"],
  ])("is one line that names %s, and exit 1", async (flag, args, why) => {
    const warren = await startWarren(["--broker", "amqps://warren@127.0.0.1", ...args()], {
      readyWhen: "running",
    });
    expect(await warren.exited).toBe(1);
    expect(warren.log).toHaveLength(1);
    expect(warren.log[0]!.msg).toInclude(flag);
    expect(warren.log[0]!.msg).toInclude(why);
  });
});
