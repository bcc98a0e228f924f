import { expect, test } from "bun:test";
import type { ChannelModel } from "amqplib";
import { LogPosition } from "../../../../src/broker/rabbitmq/log-position.ts";
import { LogReadings } from "../../../../src/broker/rabbitmq/log-readings.ts";
import type { Envelope } from "../../../../src/envelope/envelope.ts";

const envelope = { body: Buffer.from("one"), messageId: "1", routingKey: "" } as unknown as Envelope;

/** A connection whose channels count themselves and never answer. */
function silentConnection() {
  let channels = 0;
  const connection = {
    createChannel: () => {
      channels++;
      return new Promise(() => undefined);
    },
  } as unknown as ChannelModel;
  return { connection, channels: () => channels };
}

/** How a reading of this log ends by the next turn of the event loop, if it does. */
async function endOf(readings: LogReadings): Promise<string | undefined> {
  let end: string | undefined;
  readings.read(5, { aheadMax: 32, record: () => undefined, ended: (why) => (end = why) });
  await new Promise((next) => setImmediate(next));
  return end;
}

test("nothing is read from old places before it is known that the log is still the one that was read before", async () => {
  const position = new LogPosition();
  const { connection, channels } = silentConnection();
  const readings = new LogReadings(() => position.isSure);
  readings.opened(connection);
  expect(await endOf(readings)).toBeUndefined();
  expect(channels()).toBe(1);
  position.take(7, envelope);
  readings.closed();

  position.opened(0);
  readings.opened(connection);
  expect(await endOf(readings)).toBe("lost");
  expect(channels()).toBe(1);

  position.take(7, envelope);
  expect(await endOf(readings)).toBeUndefined();
  expect(channels()).toBe(2);
});
