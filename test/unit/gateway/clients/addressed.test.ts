import { expect, test } from "bun:test";
import { Addressed } from "../../../../src/gateway/clients/addressed.ts";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import type { Message } from "../../../../src/message.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { turn } from "../../doubles/turn.ts";

/** Connections of one client, each of which takes ten microseconds to write to, by a clock that nothing else moves. */
function clientWith(count: number) {
  const clock = { ms: 0 };
  const got: (readonly [connection: number, body: string])[] = [];
  const connections = Array.from({ length: count }, (_, index) => ({
    readyState: WebSocket.OPEN as number,
    data: {
      direct: (_: unknown, { body }: Message) => {
        clock.ms += 0.01;
        got.push([index, body as string]);
      },
    },
  }));
  const addressed = new Addressed(new LoopTime(() => clock.ms));
  const send = (body: string) =>
    addressed.send({ body, topic: "", id: "i" } as Message, connections as unknown as ClientSocket[]);
  return { addressed, connections, got, clock, send };
}

test("a message for a client with thousands of connections is sent to them in several turns, to each once", async () => {
  const { addressed, got, clock, send } = clientWith(3000);
  send("1");
  expect(clock.ms).toBeLessThan(5);
  for (let turns = 0; addressed.isSending; turns++) {
    expect(turns).toBeLessThan(100);
    const beganMs = clock.ms;
    await turn();
    expect(clock.ms - beganMs).toBeLessThanOrEqual(5.5);
  }
  expect(got.map(([connection]) => connection)).toEqual(Array.from({ length: 3000 }, (_, index) => index));
  expect(addressed.sentCount).toBe(3000);
});

test("a message that cannot wait comes after the one that does, for each connection", () => {
  const { addressed, connections, got, send } = clientWith(1000);
  send("1");
  send("2");
  addressed.finish();
  for (const [index] of connections.entries())
    expect(got.filter(([connection]) => connection === index).map(([, body]) => body)).toEqual(["1", "2"]);
});

test("a connection that has closed meanwhile gets nothing", async () => {
  const { addressed, connections, got, send } = clientWith(300);
  send("1");
  connections[299]!.readyState = WebSocket.CLOSED;
  while (addressed.isSending) await turn();
  expect(got).toHaveLength(299);
});
