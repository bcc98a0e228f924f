import { expect, test } from "bun:test";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { StompSide } from "../../../support/stomp-session.ts";

test("a frame after more line ends than are skipped at once is obeyed, in a later turn of the event loop if they take long", async () => {
  let ms = 0;
  const side = new StompSide(1024, new LoopTime(() => ms++ / 10));
  const socket = side.connect();
  socket.receive(Buffer.from("CONNECT\naccept-version:1.2\nhost:h\n\n\0"));
  await side.settled();
  socket.receive(Buffer.from(`${"\n".repeat(10_000_000)}SEND\ndestination:/topic/a\n\nbehind\0`));
  expect(side.taken).toEqual([]);
  await side.settled();
  expect(side.taken.map(({ topic, body }) => [topic, body.toString()])).toEqual([["a", "behind"]]);
});

test("a frame after more line ends than are skipped at once is obeyed", async () => {
  const side = new StompSide(1024);
  const socket = side.connect();
  socket.receive(Buffer.from("CONNECT\naccept-version:1.2\nhost:h\n\n\0"));
  socket.receive(Buffer.from(`${"\n".repeat(200_000)}SEND\ndestination:/topic/a\n\nbehind\0`));
  await side.settled();
  expect(side.taken.map(({ topic, body }) => [topic, body.toString()])).toEqual([["a", "behind"]]);
});
