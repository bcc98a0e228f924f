import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { CertificateAuthority, type IssuedCertificate } from "../support/certificates.ts";
import { type Client, connect } from "../support/client.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-tls-"));
let authority: CertificateAuthority;
let first: IssuedCertificate;
let second: IssuedCertificate;
let ca: string;

beforeAll(async () => {
  authority = await CertificateAuthority.create(folder);
  [first, second] = await Promise.all([authority.issue("first"), authority.issue("second")]);
  ca = readFileSync(authority.cert, "utf8");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Files in use, which a test may replace. */
function inUse({ cert, key }: IssuedCertificate): IssuedCertificate {
  const own = mkdtempSync(join(folder, "use-"));
  const files = { cert: join(own, "cert.pem"), key: join(own, "key.pem") };
  copyFileSync(cert, files.cert);
  copyFileSync(key, files.key);
  return files;
}

function replace(files: IssuedCertificate, { cert, key }: IssuedCertificate): void {
  copyFileSync(cert, files.cert);
  copyFileSync(key, files.key);
}

const start = ({ cert, key }: IssuedCertificate, ...args: string[]) =>
  startWarren(["--tls-cert", cert, "--tls-key", key, "--handler", silentHandler(), ...args]);

function silentHandler(): string {
  const file = join(folder, "silent.ts");
  writeFileSync(file, "export default () => undefined;\n");
  return file;
}

/** Whose certificate a client gets to see that trusts the authority. */
async function shownBy({ url }: WarrenProcess): Promise<string> {
  const { hostname, port } = new URL(url);
  const shown = Promise.withResolvers<string>();
  const socket = connectTls({ host: hostname, port: Number(port), ca }, () => {
    shown.resolve(String(socket.getPeerCertificate().subject.CN));
    socket.destroy();
  });
  socket.on("error", shown.reject);
  return await shown.promise;
}

const frame = (command: string, headers: Record<string, string>, body = "") =>
  [command, ...Object.entries(headers).map(([name, value]) => `${name}:${value}`), "", `${body}\0`].join(
    "\n",
  );

/** A STOMP client that has subscribed. */
async function subscriber(warren: WarrenProcess, destination: string): Promise<Client> {
  const client = await connect(warren.wsUrl(), { ca, protocols: ["v12.stomp"] });
  client.send(frame("CONNECT", { "accept-version": "1.2" }));
  client.send(frame("SUBSCRIBE", { id: "1", destination, receipt: "subscribed" }));
  await client.next((each) => String(each).startsWith("RECEIPT"));
  return client;
}

const bodiesOf = ({ received }: Client) =>
  received
    .map(String)
    .filter((each) => !/^(CONNECTED|RECEIPT)/.test(each))
    .map((each) => each.replace(/^[\s\S]*\n\n|\0$/g, ""));

describe("with a certificate", () => {
  test("the manager speaks https and wss, and says so", async () => {
    await using warren = await start(first);
    expect(warren.url).toStartWith("https://127.0.0.1:");
    const answer = await fetch(new URL("/healthz", warren.url), { tls: { ca } });
    expect(await answer.json()).toEqual({ alive: true });
    await using anna = await connect(warren.wsUrl(), { ca });
    await using ben = await connect(warren.wsUrl(), { ca });
    anna.send("hello");
    expect(await ben.next()).toBe("hello");
    expect(await shownBy(warren)).toBe("first");
  });

  test("the manager serves neither clients that do not trust it, nor clients without TLS", async () => {
    await using warren = await start(first);
    await expect(connect(warren.wsUrl())).rejects.toThrow();
    await expect(fetch(warren.url.replace("https", "http"))).rejects.toThrow();
    expect(await shownBy(warren)).toBe("first");
  });

  test("nobody gets it to agree on keys again and again over one connection", async () => {
    await using warren = await start(first);
    const { host } = new URL(warren.url);
    const client = Bun.spawn(["openssl", "s_client", "-connect", host, "-tls1_2"], {
      stdin: "pipe",
      stdout: "ignore",
      stderr: "pipe",
    });
    let said = "";
    const isHeard = (async () => {
      for await (const bytes of client.stderr) said += Buffer.from(bytes).toString();
    })();
    // It asks for new keys when it reads an R.
    const asking = setInterval(() => {
      client.stdin.write("R\n");
      // It may have ended.
      Promise.resolve(client.stdin.flush()).catch(() => undefined);
    }, 100);
    try {
      await until(() => said.includes("no renegotiation"), "the manager to refuse");
    } finally {
      clearInterval(asking);
      client.kill();
      await isHeard;
    }
  });

  test("a second manager gets no place on the same port", async () => {
    await using warren = await start(first);
    const other = await startWarren(
      ["--tls-cert", first.cert, "--tls-key", first.key, "--port", new URL(warren.url).port],
      { readyWhen: "running" },
    );
    expect(await other.exited).toBe(1);
    expect(other.log.map(({ msg }) => msg).join()).toInclude("is in use");
  });
});

describe("SIGHUP", () => {
  test("shows a new certificate to new clients; those that are connected stay, and all hear one another", async () => {
    const files = inUse(first);
    await using warren = await start(files);
    await using oldText = await connect(warren.wsUrl("/ws?topic=a"), { ca });
    await using oldStomp = await subscriber(warren, "/topic/a");
    replace(files, second);
    warren.signal("SIGHUP");
    await until(async () => (await shownBy(warren)) === "second", "the new certificate is shown");
    await using newText = await connect(warren.wsUrl("/ws?topic=a"), { ca });
    await using newStomp = await subscriber(warren, "/topic/#");

    oldText.send("old text");
    newText.send("new text");
    oldStomp.send(frame("SEND", { destination: "/topic/a" }, "old stomp"));
    newStomp.send(frame("SEND", { destination: "/topic/a" }, "new stomp"));
    const all = ["new stomp", "new text", "old stomp", "old text"];
    const heard: [Client, string[]][] = [
      [oldText, all.filter((each) => each !== "old text")],
      [newText, all.filter((each) => each !== "new text")],
      [oldStomp, all],
      [newStomp, all],
    ];
    for (const [client, bodies] of heard)
      await untilCount(() => bodiesOf(client).length, bodies.length, `${bodies.length} messages came`);
    for (const [client, bodies] of heard) expect(bodiesOf(client).toSorted()).toEqual(bodies);
  });

  test("again and again keeps all clients, and the last of them end with the manager", async () => {
    const files = inUse(first);
    const warren = await start(files);
    const clients: Client[] = [];
    for (const next of [second, first, second]) {
      clients.push(await connect(warren.wsUrl(), { ca }));
      replace(files, next);
      const shown = next === first ? "first" : "second";
      warren.signal("SIGHUP");
      await until(async () => (await shownBy(warren)) === shown, `${shown} is shown`);
    }
    clients.push(await connect(warren.wsUrl(), { ca }));
    for (const [index, client] of clients.entries()) {
      client.send(`from ${index}`);
      for (const other of clients) if (other !== client) expect(await other.next()).toBe(`from ${index}`);
    }
    // A server without clients is no more; the others go on.
    await clients[0]!.close();
    clients[1]!.send("still here");
    expect(await clients[3]!.next()).toBe("still here");
    const closed = Promise.all(clients.slice(1).map((client) => client.closed));
    expect(await warren.stop()).toBe(0);
    expect((await closed).map(({ code }) => code)).toEqual([1001, 1001, 1001]);
  });

  test.each([
    ["is none", (files: IssuedCertificate) => writeFileSync(files.cert, "no certificate\n"), "in PEM format"],
    [
      "has another key",
      (files: IssuedCertificate) => copyFileSync(second.cert, files.cert),
      "is not the key of the certificate",
    ],
    ["is gone", (files: IssuedCertificate) => rmSync(files.key), "cannot be read"],
  ])("with a certificate that %s keeps the one before and says so", async (_, spoil, why) => {
    const files = inUse(first);
    await using warren = await start(files);
    await using anna = await connect(warren.wsUrl(), { ca });
    spoil(files);
    warren.signal("SIGHUP");
    const line = await warren.waitForLog(({ level }) => level === "error", "the certificate was rejected");
    expect(line.msg).toInclude("keeping the previous one");
    expect(line["reason"]).toInclude(why);
    expect(await shownBy(warren)).toBe("first");
    await using ben = await connect(warren.wsUrl(), { ca });
    ben.send("hello");
    expect(await anna.next()).toBe("hello");
    // It can be mended.
    replace(files, second);
    warren.signal("SIGHUP");
    await until(async () => (await shownBy(warren)) === "second", "the mended certificate is shown");
  });
});

test.each([
  ["a file that is not there", () => ({ ...first, cert: join(folder, "nowhere") }), "--tls-cert"],
  ["a file that has no certificate", () => ({ ...first, cert: first.key }), "in PEM format"],
  [
    "a key of another certificate",
    () => ({ ...first, key: second.key }),
    "is not the key of the certificate",
  ],
])("%s is one line and exit 1", async (_, files, why) => {
  const { cert, key } = files();
  const warren = await startWarren(["--tls-cert", cert, "--tls-key", key], { readyWhen: "running" });
  expect(await warren.exited).toBe(1);
  expect(warren.log).toHaveLength(1);
  expect(warren.log[0]!.msg).toInclude(why);
});
