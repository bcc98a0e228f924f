/**
 * What tokens cost: `bun test/bench/auth.ts`. Managers without tokens and with HS256, RS256 and ES256 side by side, in rounds that
 * take turns: connections a second and CPU time of the manager for each, with a token of its own for each client; then CPU
 * time for each message that a STOMP client publishes, where its token allows topics by a pattern. Medians of the rounds.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";
import { claims, ecPair, hs256, rsaPair, signed } from "../unit/gateway/auth/signing.ts";

const rounds = 7;
const connections = 2000;
/** Under way at once. */
const concurrency = 64;
const messages = 30_000;
/** Topics that one client publishes to in turns. */
const topics = 16;

const folder = mkdtempSync(join(tmpdir(), "warren-bench-auth-"));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const secret = "a secret of more than thirty-two bytes";
const rsa = rsaPair();
const ec = ecPair("P-256");
const payload = (index: number) =>
  claims({ sub: `client-${index}`, warren: { publish: ["colour.*.*"], subscribe: ["#"] } });

interface Contender {
  readonly name: string;
  readonly args: readonly string[];
  token(index: number): string | undefined;
}

const contenders: readonly Contender[] = [
  { name: "none", args: [], token: () => undefined },
  {
    name: "HS256",
    args: ["--auth", "jwt", "--jwt-secret-file", file("secret", secret)],
    token: (index) => hs256(payload(index), secret),
  },
  {
    name: "RS256",
    args: ["--auth", "jwt", "--jwt-public-key-file", file("rsa.pem", rsa.publicKey)],
    token: (index) => signed(payload(index), rsa.privateKey, "RS256"),
  },
  {
    name: "ES256",
    args: ["--auth", "jwt", "--jwt-public-key-file", file("ec.pem", ec.publicKey)],
    token: (index) => signed(payload(index), ec.privateKey, "ES256"),
  },
];

async function cpuSeconds(warren: WarrenProcess): Promise<number> {
  const text = await (await fetch(new URL("/metrics", warren.url))).text();
  return Number(/^process_cpu_seconds_total (.+)$/m.exec(text)?.[1]);
}

/** One client: resolves when it is let in, and leaves. */
function join1(port: number, request: string): Promise<void> {
  const joined = Promise.withResolvers<void>();
  void Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write(request),
      data(socket, bytes) {
        if (bytes.toString("latin1", 0, 12) === "HTTP/1.1 101") joined.resolve();
        else joined.reject(new Error(bytes.toString("latin1").slice(0, 300)));
        socket.terminate();
      },
      close: () => joined.reject(new Error("closed before it was let in")),
      connectError: (_, error) => joined.reject(error),
    },
  }).catch(joined.reject);
  return joined.promise;
}

const handshake = (port: number, token: string | undefined) =>
  [
    `GET /ws?topic=colour.red.dark HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    "\r\n",
  ].join("\r\n");

async function connectionRound(warren: WarrenProcess, requests: readonly string[]) {
  const port = Number(new URL(warren.url).port);
  const cpuBefore = await cpuSeconds(warren);
  const begun = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < requests.length) await join1(port, requests[next++]!);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const seconds = (performance.now() - begun) / 1000;
  return {
    rate: requests.length / seconds,
    cpuUs: (1e6 * ((await cpuSeconds(warren)) - cpuBefore)) / requests.length,
  };
}

const frame = (command: string, headers: Record<string, string>, body = "") =>
  [command, ...Object.entries(headers).map(([name, value]) => `${name}:${value}`), "", `${body}\0`].join(
    "\n",
  );

async function publishRound(warren: WarrenProcess, token: string | undefined): Promise<number> {
  await using client = await connect(warren.wsUrl(), { protocols: ["v12.stomp"] });
  client.send(
    frame("CONNECT", { "accept-version": "1.2", ...(token === undefined ? {} : { passcode: token }) }),
  );
  await client.next();
  const cpuBefore = await cpuSeconds(warren);
  for (let index = 0; index < messages; index++) {
    const destination = `/topic/colour.shade.${index % topics}`;
    client.send(frame("SEND", { destination }, "x".repeat(64)));
  }
  client.send(frame("SEND", { destination: "/topic/colour.shade.0", receipt: "end" }));
  await client.next((each) => String(each).startsWith("RECEIPT"), "the receipt", 60_000);
  return (1e6 * ((await cpuSeconds(warren)) - cpuBefore)) / messages;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const silent = file("silent.ts", "export default () => undefined;\n");
const results = [];
for (const contender of contenders) {
  const warren = await startWarren([...contender.args, "--handler", silent, "--log-messages", "off"]);
  const port = Number(new URL(warren.url).port);
  const requests = Array.from({ length: connections }, (_, index) => handshake(port, contender.token(index)));
  results.push({
    contender,
    warren,
    requests,
    rates: [] as number[],
    cpusUs: [] as number[],
    publishUs: [] as number[],
  });
}
for (let round = -1; round < rounds; round++) {
  for (const { contender, warren, requests, rates, cpusUs, publishUs } of results) {
    const { rate, cpuUs } = await connectionRound(warren, requests);
    const perMessageUs = await publishRound(warren, contender.token(0));
    // The first round warms up.
    if (round < 0) continue;
    rates.push(rate);
    cpusUs.push(cpuUs);
    publishUs.push(perMessageUs);
  }
}
/** The median of what it is in each round beside the manager without tokens: what the machine did meanwhile concerns both. */
const beside = (values: readonly number[], base: readonly number[]) =>
  median(values.map((value, round) => value / base[round]!)).toFixed(2);

const none = results[0]!;
process.stdout.write(
  "token   connections/s   of none   CPU µs a connection   of none   CPU µs a STOMP message published   of none\n",
);
for (const { contender, rates, cpusUs, publishUs } of results) {
  const columns = [
    contender.name.padEnd(6),
    median(rates).toFixed(0).padStart(15),
    beside(rates, none.rates).padStart(9),
    median(cpusUs).toFixed(1).padStart(21),
    beside(cpusUs, none.cpusUs).padStart(9),
    median(publishUs).toFixed(2).padStart(34),
    beside(publishUs, none.publishUs).padStart(9),
  ];
  process.stdout.write(`${columns.join(" ")}\n`);
}
for (const { warren } of results) await warren.stop();
rmSync(folder, { recursive: true, force: true });
process.exit();
