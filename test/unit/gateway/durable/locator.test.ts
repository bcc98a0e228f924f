import { expect, test } from "bun:test";
import type { LogReader, LogReading } from "../../../../src/broker/broker.ts";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Locator } from "../../../../src/gateway/durable/locator.ts";
import { Outflow, plainOutlet } from "../../../../src/gateway/durable/outflow.ts";
import { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import type { Start } from "../../../../src/log/position.ts";
import { LogWindow } from "../../../../src/log/window.ts";
import { envelopeOf } from "../../doubles/envelope.ts";
import { nothingRepeated } from "../../doubles/nothing-repeated.ts";
import { turn } from "../../doubles/turn.ts";

/** A log of which nothing is in memory, and which answers when it is told to. */
function unanswered() {
  const marks: ((offset: number) => void)[] = [];
  const readers: LogReader[] = [];
  const placed: DurableSubscription[] = [];
  const window = new LogWindow(0);
  window.reached(1000);
  const reading: LogReading = { handled: () => undefined, stop: () => undefined };
  const place = (subscription: DurableSubscription) => void placed.push(subscription);
  const locator = new Locator(
    {
      mark: (then) => {
        marks.push(then);
        return () => void marks.splice(marks.indexOf(then), 1);
      },
      read: (_start, reader) => {
        readers.push(reader);
        return { ...reading };
      },
      recordBytesMax: 1,
      ...nothingRepeated(),
    },
    window,
    { inMemory: place, older: place, newest: place },
  );
  return { locator, marks, readers, placed };
}

function subscriptionAt(start: Start): DurableSubscription {
  const socket = {} as ClientSocket;
  const request = {
    socket,
    clientId: "c",
    subscriptionId: "s",
    encoding: stompEncoding("1.2"),
    pattern: "t",
    start,
  } as const;
  return new DurableSubscription(
    { ...request, onInForce: () => undefined },
    new Outflow(socket, plainOutlet, () => undefined),
  );
}

test("however many subscriptions come and go before the log answers how far it reaches, it is asked for the last ones only", () => {
  const { locator, marks, placed } = unanswered();
  for (let index = 0; index < 1000; index++) {
    const subscription = subscriptionAt({ offset: 2000 + index, index: -1 });
    locator.locate(subscription);
    locator.forget(subscription);
  }
  const last = subscriptionAt({ offset: 5000, index: -1 });
  locator.locate(last);
  expect(marks).toHaveLength(1);
  marks[0]!(1002);
  expect(placed).toEqual([last]);
});

test("those that come while the log is asked are asked about anew, also when nobody of those before them is left", () => {
  const { locator, marks, placed } = unanswered();
  const [first, second] = [2000, 2001].map((offset) => subscriptionAt({ offset, index: -1 }));
  locator.locate(first!);
  locator.locate(second!);
  expect(marks).toHaveLength(1);
  const [tooEarly] = marks;
  locator.forget(first!);
  expect(marks).toHaveLength(1);
  tooEarly!(1001);
  expect(placed).toEqual([]);
  marks[0]!(1002);
  expect(placed).toEqual([second!]);
  locator.forget(second!);
  expect(marks).toHaveLength(1);
});

test("nobody asks the log for what nobody waits for any more", () => {
  const { locator, marks } = unanswered();
  const subscription = subscriptionAt({ offset: 2000, index: -1 });
  locator.locate(subscription);
  locator.forget(subscription);
  expect(marks).toHaveLength(0);
});

test("a time that nobody wants to know any more is not searched for", async () => {
  const { locator, readers, placed } = unanswered();
  for (let timestamp = 1; timestamp <= 1000; timestamp++) {
    const subscription = subscriptionAt({ timestamp });
    locator.locate(subscription);
    locator.forget(subscription);
  }
  await turn();
  expect(readers).toHaveLength(0);
  const last = subscriptionAt({ timestamp: 2000 });
  locator.locate(last);
  await turn();
  expect(readers).toHaveLength(1);
  readers[0]!.record(5, "wsmanager", { ...envelopeOf(), timestamp: 3000 });
  // The log's first record tells whether it reaches back so far.
  expect(placed).toEqual([]);
  expect(readers).toHaveLength(2);
  readers[1]!.record(0, "wsmanager", { ...envelopeOf(), timestamp: 1000 });
  expect(placed).toEqual([last]);
  expect(last.isBehindGap).toBe(false);
  locator.close();
});
