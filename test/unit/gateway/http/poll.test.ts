import { expect, test } from "bun:test";
import type { Server } from "bun";
import type { Client } from "../../../../src/gateway/clients/client.ts";
import type { SocketEvents } from "../../../../src/gateway/clients/socket-events.ts";
import { Multicast } from "../../../../src/gateway/fan-out/multicast.ts";
import { Poll } from "../../../../src/gateway/http/poll.ts";

const server = { timeout: () => undefined } as unknown as Server<Client>;

test("what waits for a poll counts by its bytes, whatever its characters are", async () => {
  const closed = Promise.withResolvers<number>();
  const events = {
    opened: () => undefined,
    closed: (_: unknown, code: number) => closed.resolve(code),
  } as unknown as SocketEvents;
  const multicast = new Multicast();
  const parts = { multicast, events, waitMs: 60_000, place: () => undefined };
  const poll = new Poll({} as Client, "", parts);
  const outcome = poll.answer(new Request("http://here/topics/t"), server, 10);
  poll.send("日".repeat(1000));
  expect(poll.getBufferedAmount()).toBe(3000);
  poll.receive(Buffer.from("é".repeat(1000)));
  expect(poll.getBufferedAmount()).toBe(5000);
  expect(await outcome).toEqual({ is: "lines", text: "日".repeat(1000) + "é".repeat(1000) });
  expect(await closed.promise).toBe(1005);
});
