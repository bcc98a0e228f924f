import { expect, test } from "bun:test";
import { createRequire } from "node:module";
import { checkFrames } from "../../../../../src/broker/rabbitmq/frames/check-frames.ts";

/** amqplib's own decoder, which is not exported, as an independent reader of what is written. */
const load = (file: string): unknown =>
  createRequire(import.meta.url)(`../../../../../node_modules/amqplib/lib/${file}.js`);
const { parseFrame, decodeFrame } = load("frame") as {
  parseFrame(bytes: Buffer, max: number): { readonly channel: number; readonly rest: Buffer } | false;
  decodeFrame(frame: object): { readonly id: number; readonly fields: Readonly<Record<string, unknown>> };
};
const { info } = load("defs") as { info(id: number): { readonly name: string } };

function methodsIn(bytes: Buffer) {
  const methods: string[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const frame = parseFrame(rest, 4096);
    if (frame === false) throw new Error(`${rest.length} bytes that are no frame`);
    const { id, fields } = decodeFrame(frame);
    expect(frame.channel).toBe(7);
    expect(fields["passive"]).toBe(true);
    const how = fields["nowait"] === true ? "unanswered" : "answered";
    methods.push(`${info(id).name} ${fields["queue"] ?? fields["exchange"]} ${how}`);
    rest = frame.rest;
  }
  return methods;
}

const needed = { queues: ["log", "größe"], exchanges: ["outer", "inner"] } as const;

test("a check asks for each queue and exchange without declaring any, and is answered once, at its end", () => {
  expect(methodsIn(checkFrames(needed, 7, true))).toEqual([
    "QueueDeclare log unanswered",
    "QueueDeclare größe unanswered",
    "ExchangeDeclare outer unanswered",
    "ExchangeDeclare inner answered",
  ]);
});

test("a check before a publish is not answered at all", () => {
  expect(methodsIn(checkFrames(needed, 7, false)).at(-1)).toBe("ExchangeDeclare inner unanswered");
});
