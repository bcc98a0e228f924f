/**
 * `bun test/bench/auth.ts`: what tokens cost. Managers without tokens and with HS256, RS256 and ES256 take turns: connections a
 * second and the manager's CPU time for each, with a token of its own for each client; then its CPU time for each message that a
 * STOMP client publishes, where its token allows topics by a pattern.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { removeAtExit } from "../support/leftovers.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";
import { claims, ecPair, hs256, rsaPair, signed } from "../unit/gateway/auth/signing.ts";
import { atLeast, atMost, ratio } from "./goals.ts";
import { goalTable, measureTable } from "./report/tables.ts";
import { type Figures, inRounds, type Rounds, seriesOf, type Turns } from "./rounds.ts";
import { median } from "./samples.ts";
import type { Measure } from "./setting.ts";

const rounds: Rounds = { rounds: 7, say: (line) => void process.stderr.write(`${line}\n`) };
const connections = 5000;
/** How many connections open at the same time. */
const concurrency = 64;
const messages = 150_000;
/** Topics that one client publishes to in turns. */
const topics = 16;

const folder = mkdtempSync(join(tmpdir(), "warren-bench-auth-"));
removeAtExit(folder);
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const secret = "a secret of more than thirty-two bytes";
const rsa = rsaPair();
const ec = ecPair("P-256");
const payload = (index: number) =>
  claims({ sub: `client-${index}`, warren: { publish: ["colour.*.*"], subscribe: ["#"] } });

const connectionRate = "connections/s";
const connectionCpu = "µs a connection";
const publishCpu = "µs a message";

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

/** Connects one client, and disconnects it when it is admitted. */
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

const handshake = (token: string | undefined) =>
  [
    `GET /ws?topic=colour.red.dark HTTP/1.1`,
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    "\r\n",
  ].join("\r\n");

async function connectionTurn(warren: WarrenProcess, requests: readonly string[]): Promise<Figures> {
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
    [connectionRate]: requests.length / seconds,
    [connectionCpu]: (1e6 * ((await cpuSeconds(warren)) - cpuBefore)) / requests.length,
  };
}

const frame = (command: string, headers: Record<string, string>, body = "") =>
  [command, ...Object.entries(headers).map(([name, value]) => `${name}:${value}`), "", `${body}\0`].join(
    "\n",
  );

async function publishTurn(warren: WarrenProcess, token: string | undefined): Promise<Figures> {
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
  return { [publishCpu]: (1e6 * ((await cpuSeconds(warren)) - cpuBefore)) / messages };
}

const silent = file("silent.ts", "export default () => undefined;\n");
const unlimited = ["--max-messages-per-second", "0", "--max-bytes-per-second", "0"];

/** Starts a manager for each, and gives it one turn to warm up. */
async function turnsOf(
  what: string,
  turnOf: (contender: Contender) => (warren: WarrenProcess) => Promise<Figures>,
): Promise<readonly Turns[]> {
  const running = [];
  for (const contender of contenders) {
    const warren = await startWarren([
      ...contender.args,
      ...unlimited,
      "--handler",
      silent,
      "--log-messages",
      "off",
    ]);
    const turn = turnOf(contender);
    await turn(warren);
    running.push({ name: contender.name, warren, turn: () => turn(warren) });
  }
  const turns = await inRounds(rounds, what, new Map(running.map(({ name, turn }) => [name, turn])));
  for (const { warren } of running) await warren.stop();
  return turns;
}

const joining = await turnsOf("connections", ({ token }) => {
  const requests = Array.from({ length: connections }, (_, index) => handshake(token(index)));
  return (warren) => connectionTurn(warren, requests);
});
const publishing = await turnsOf("publishing", ({ token }) => {
  const shown = token(0);
  return (warren) => publishTurn(warren, shown);
});

const measures: readonly Measure[] = [
  {
    name: "connections",
    title: "Connections with a token of their own each",
    unit: connectionRate,
    series: seriesOf(joining, connectionRate),
  },
  {
    name: "connections-cpu",
    title: "CPU time of the manager for a connection",
    unit: "µs",
    series: seriesOf(joining, connectionCpu),
  },
  {
    name: "publishing-cpu",
    title: "CPU time of the manager for a STOMP message published",
    unit: "µs",
    series: seriesOf(publishing, publishCpu),
  },
];
const besideNone = (turns: readonly Turns[], figure: string) => {
  const middle = (name: string) =>
    median(seriesOf(turns, figure).find(({ contender }) => contender === name)!.samples);
  return ratio(middle("HS256"), middle("none"));
};
const goals = [
  atLeast("connection rate, HS256 ÷ none", 0.5, besideNone(joining, connectionRate)),
  atMost("CPU of a publish, HS256 ÷ none", 1.05, "×", besideNone(publishing, publishCpu)),
];
process.stdout.write(`${measures.map(measureTable).join("\n")}\n${goalTable(goals)}`);
process.exit();
