import { expect, test } from "bun:test";
import type { Server } from "bun";
import type { Client, ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Listeners, type Listening } from "../../../../src/gateway/server/listeners.ts";
import { turn } from "../../doubles/turn.ts";

/** Servers that remember what was asked of them. */
function recording() {
  const servers: Server<Client>[] = [];
  const started: Listening[] = [];
  const published: string[] = [];
  const drained: (() => void)[] = [];
  const stopped: number[] = [];
  const sent: number[] = [];
  const state = { fault: undefined as Error | undefined };
  const listeners = new Listeners(
    (listening) => {
      if (state.fault !== undefined) throw state.fault;
      const index = started.push(listening) - 1;
      const port = listening.port === 0 ? 4242 : listening.port;
      const server = {
        hostname: listening.hostname,
        port,
        url: new URL(`https://${listening.hostname}:${port}/`),
        publish: (key: string, body: string) => published.push(`${index}: ${key} ${body}`),
        stop(isAtOnce: boolean) {
          stopped.push(index);
          const { promise, resolve } = Promise.withResolvers<void>();
          if (isAtOnce) resolve();
          else drained.push(resolve);
          return promise;
        },
      } as unknown as Server<Client>;
      servers.push(server);
      return server;
    },
    (bytes) => sent.push(bytes),
  );
  return { listeners, servers, started, published, drained, stopped, state, sent };
}

const first = { cert: "first", key: "k" };
const second = { cert: "second", key: "k" };

test("without a certificate there is one server, which shares its port with nobody", () => {
  const { listeners, started } = recording();
  expect(listeners.open("127.0.0.1", 0, undefined).port).toBe("4242");
  expect(started).toEqual([{ hostname: "127.0.0.1", port: 0, reusePort: false, tls: undefined }]);
});

test("where the port is shared with other managers, it is never asked for alone", () => {
  const { listeners, started } = recording();
  listeners.open("127.0.0.1", 4000, first, true);
  listeners.renew(second);
  expect(started.map(({ port, reusePort, tls }) => ({ port, reusePort, tls }))).toEqual([
    { port: 4000, reusePort: true, tls: first },
    { port: 4000, reusePort: true, tls: second },
  ]);
});

test("with one, the port is asked for alone first, and may be shared then", () => {
  const { listeners, started, stopped } = recording();
  listeners.open("127.0.0.1", 0, first);
  expect(started.map(({ port, reusePort }) => ({ port, reusePort }))).toEqual([
    { port: 0, reusePort: false },
    { port: 4242, reusePort: true },
  ]);
  expect(stopped).toEqual([0]);
});

test("everything is published to the clients of all servers, until the old one's are gone, and told once", async () => {
  const { listeners, published, drained, started, sent } = recording();
  listeners.open("127.0.0.1", 0, first);
  listeners.renew(second);
  expect(started.at(-1)).toEqual({ hostname: "127.0.0.1", port: 4242, reusePort: true, tls: second });
  listeners.publish("a", "x");
  expect(published.splice(0)).toEqual(["1: a x", "2: a x"]);
  drained[0]!();
  await turn();
  listeners.publish("a", "y");
  expect(published).toEqual(["2: a y"]);
  listeners.publish("a", "yes");
  expect(sent).toEqual([1, 1, 3]);
});

test("what a client says reaches its own server by itself, and the others' clients too", () => {
  const { listeners, servers, published } = recording();
  listeners.open("127.0.0.1", 0, first);
  listeners.renew(second);
  const said: string[] = [];
  const socket = {
    publish: (key: string, body: string) => said.push(`${key} ${body}`),
  } as unknown as ClientSocket;
  listeners.publishFrom(socket, servers[1]!, "a", "x");
  expect(said).toEqual(["a x"]);
  expect(published).toEqual(["2: a x"]);
});

test("a certificate that cannot be used leaves all as it is", () => {
  const { listeners, state, published, stopped } = recording();
  listeners.open("127.0.0.1", 0, first);
  state.fault = Object.assign(new Error("no"), { code: "ERR_OSSL_PEM_NO_START_LINE" });
  expect(() => listeners.renew(second)).toThrow("PEM");
  listeners.publish("a", "x");
  expect(published).toEqual(["1: a x"]);
  expect(stopped).toEqual([0]);
});

test("after the end no server is started any more", async () => {
  const { listeners, started } = recording();
  listeners.open("127.0.0.1", 0, first);
  await listeners.close();
  listeners.renew(second);
  expect(started).toHaveLength(2);
});
