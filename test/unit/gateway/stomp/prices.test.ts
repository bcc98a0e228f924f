import { expect, test } from "bun:test";
import { priceOf } from "../../../../src/gateway/stomp/prices.ts";
import type { Frame } from "../../../../src/wire/stomp/frames.ts";

const frame = (command: string, headers: number) =>
  ({
    command,
    headers: new Map(Array.from({ length: headers }, (_, index) => [`${index}`, ""])),
    body: Buffer.alloc(0),
  }) as Frame;

test.each([
  ["SEND", 1, 0, 1],
  ["SEND", 20, 50, 1],
  ["SEND", 70, 0, 6],
  ["SUBSCRIBE", 2, 0, 2],
  ["SUBSCRIBE", 2, 50, 4],
  ["UNSUBSCRIBE", 30, 100, 7],
])(
  "a %s with %p headers of a client with %p subscriptions counts as %p messages",
  (command, headers, subscriptions, price) => {
    expect(priceOf(frame(command, headers), subscriptions)).toBe(price);
  },
);
