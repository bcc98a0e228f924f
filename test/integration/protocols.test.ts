import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Auth } from "../../src/gateway/auth/auth.ts";
import { protocols } from "../../src/gateway/protocols.ts";
import { describeProtocol, type Heard, type PeerOptions, type TestedProtocol } from "../contract/protocol.ts";
import { connect } from "../support/client.ts";
import { echo as echoProtocol } from "../support/echo-protocol.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { StompPeer } from "../support/stomp-client.ts";
import { optionsOf, QuietLogger, type System, startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, within } from "../support/wait.ts";
import { claims, hs256 } from "../unit/gateway/auth/signing.ts";

setDefaultTimeout(integrationTimeoutMs);

const secret = "a secret of more than thirty-two bytes";
const folder = mkdtempSync(join(tmpdir(), "warren-protocols-"));
const secretFile = join(folder, "secret");

beforeAll(() => writeFileSync(secretFile, `${secret}\n`));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A third protocol joins by a line in the list. */
const all = [...protocols, echoProtocol];
const silent = () => undefined;

const surroundings = {
  start: (...args: string[]) => startSystem(args, silent, undefined, all),
  async startGuarded() {
    const args = ["--auth", "jwt", "--jwt-secret-file", secretFile];
    return startSystem(args, silent, await Auth.open(optionsOf(...args), new QuietLogger()), all);
  },
  tokenFor: (publish: readonly string[], subscribe: readonly string[]) =>
    hs256(claims({ sub: "somebody", warren: { publish, subscribe } }), secret),
  until,
  metricsOf,
};

const addressOf = (system: System, parameters: Record<string, string | undefined>) =>
  `${system.wsUrl("/ws")}?${new URLSearchParams(Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))}`;

const text: TestedProtocol = {
  name: "plain text",
  hasPatterns: false,
  isDurable: false,
  hearsItself: false,
  async connect(system, { topic, token }: PeerOptions) {
    const client = await connect(addressOf(system, { topic, token }));
    return {
      get heard() {
        return client.received.map((body) => ({ body: String(body), position: undefined }));
      },
      say: (_, body) => client.send(body),
      closed: client.closed.then(({ code }) => code),
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  },
};

const stomp: TestedProtocol = {
  name: "STOMP",
  hasPatterns: true,
  isDurable: true,
  hearsItself: true,
  async connect(system, { topic, after, token }) {
    const peer = new StompPeer(addressOf(system, { token }), {});
    await within(Promise.race([peer.connected, peer.closed.then(refused)]), "a STOMP session");
    const start =
      after === undefined
        ? {}
        : after === "now"
          ? { "x-stream-offset": "next" }
          : { "x-stream-after": after };
    const received = await peer.subscribe(`/topic/${topic}`, start as Record<string, string>);
    return {
      get heard() {
        return received.map(({ body, headers }): Heard => ({ body, position: headers["x-stream-offset"] }));
      },
      say: (to, body) => peer.send(`/topic/${to}`, body),
      closed: peer.closed,
      [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
    };
  },
};

const echo: TestedProtocol = {
  name: "a protocol that joins by one line",
  hasPatterns: true,
  isDurable: true,
  hearsItself: true,
  async connect(system, { topic, after, token }) {
    const client = await connect(addressOf(system, { token }), { protocols: ["echo"] });
    client.send(after === undefined ? `on ${topic}` : `after ${after} ${topic}`);
    await client.next((answer) => String(answer).startsWith("ok"), "the subscription");
    return {
      get heard() {
        return client.received.flatMap((frame) => {
          const [, position, body] = /^(?:at (\S+) )?message \S+ (.*)$/s.exec(String(frame)) ?? [];
          return body === undefined ? [] : [{ body, position }];
        });
      },
      say: (to, body) => client.send(`say ${to} ${body}`),
      closed: client.closed.then(({ code }) => code),
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  },
};

for (const protocol of [text, stomp, echo]) describeProtocol(protocol, surroundings);

function refused(code: number): never {
  throw new Error(`closed with ${code}`);
}
