import { expect, test } from "bun:test";
import { StompSide } from "../../../support/stomp-session.ts";

test("a topic that is called like the destination of what is for one client alone is a topic", () => {
  const side = new StompSide(1024);
  const socket = side.connect();
  const say = (text: string) => socket.receive(Buffer.from(text));
  say("CONNECT\naccept-version:1.2\n\n\0");
  say("SUBSCRIBE\nid:s\ndestination:/topic//direct\n\n\0");
  say("SEND\ndestination:/topic//direct\n\nhello\0");
  expect(String(socket.sent.at(-1))).toStartWith("MESSAGE\nsubscription:s\n");
  expect(String(socket.sent.at(-1))).toEndWith("\n\nhello\0");
});
