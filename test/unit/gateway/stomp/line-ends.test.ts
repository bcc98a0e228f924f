import { expect, test } from "bun:test";
import { StompSide } from "../../../support/stomp-session.ts";

test("a frame behind so many line ends that they are skipped in parts is obeyed", async () => {
  const side = new StompSide(1024);
  const socket = side.connect();
  socket.receive(Buffer.from("CONNECT\naccept-version:1.2\nhost:h\n\n\0"));
  socket.receive(Buffer.from(`${"\n".repeat(200_000)}SEND\ndestination:/topic/a\n\nbehind\0`));
  await side.settled();
  expect(side.taken.map(({ topic, body }) => [topic, body.toString()])).toEqual([["a", "behind"]]);
});
