import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { escapeHeader } from "../../src/wire/stomp/frames.ts";
import { connect } from "../support/client.ts";
import {
  type ForeignMessage,
  ForeignProgram,
  field,
  longText,
  table,
  u32,
  u64,
} from "../support/foreign-program.ts";
import { type RabbitmqNode, startRabbitmq } from "../support/rabbitmq.ts";
import { listenTo, startProcessor, textsOf } from "../support/set-aside-system.ts";
import { startManager } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { anyCharacter } from "../unit/doubles/arbitraries.ts";
import { rounds } from "../unit/doubles/rounds.ts";

setDefaultTimeout(integrationTimeoutMs);

let node: RabbitmqNode;
beforeAll(async () => {
  node = await startRabbitmq({ config: ["frame_max = 8192", "max_message_size = 50000"] });
}, integrationTimeoutMs);
afterAll(() => node?.stop());

const knownName = fc.constantFrom(
  ...[
    "CC",
    "BCC",
    "cc",
    "x-death",
    "x-stream-offset",
    "x-delay",
    "warren-copy",
    "client-id",
    "__proto__",
    "constructor",
  ],
  ...[
    "priority",
    "expiration",
    "persistent",
    "reply-to",
    "correlation-id",
    "user-id",
    "type",
    "message-id",
    "timestamp",
  ],
);
const anyName = fc.oneof(
  knownName,
  fc.string({ unit: anyCharacter, minLength: 1, maxLength: 20 }),
  fc.integer({ min: 50, max: 300 }).map((length) => "é".repeat(length)),
);
const anyValue = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 40 }),
  fc.constantFrom("", "0", "-1", "99999999999999999999", "true", "[]"),
  fc.integer({ min: 100, max: 8000 }).map((length) => "v".repeat(length)),
);

test("any header that a client sends reaches RabbitMQ, or is refused to that client alone", async () => {
  await using manager = await startManager("m", await node.vhost());
  const connectClient = async () => {
    const client = await connect(manager.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    client.send("CONNECT\naccept-version:1.2\n\n\0");
    await client.next();
    return client;
  };
  await using witness = await connectClient();
  let client = await connectClient();
  let count = 0;
  const answers = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(anyName, anyValue), { maxLength: 4 }), async (headers) => {
      // A NUL cannot be written in a header at all.
      const lines = headers.map(([name, value]) =>
        `${escapeHeader(name, "1.2")}:${escapeHeader(value, "1.2")}\n`.replaceAll("\0", ""),
      );
      const receipt = `r-${++count}`;
      client.send(`SEND\ndestination:/topic/a\nreceipt:${receipt}\n${lines.join("")}\nbody\0`);
      const got = String(await client.next((frame) => /^(RECEIPT|ERROR)/.test(String(frame)), receipt, 5000));
      const [command] = got.split("\n");
      answers.set(command!, (answers.get(command!) ?? 0) + 1);
      if (command === "ERROR") client = await connectClient();
      else expect(got).toContain(receipt);
      witness.send(`SEND\ndestination:/topic/a\nreceipt:w-${count}\n\nwitness\0`);
      expect(String(await witness.next())).toContain(`w-${count}`);
    }),
    rounds(120),
  );
  expect([...answers.keys()].sort()).toEqual(["ERROR", "RECEIPT"]);
  // Everything was refused before it was sent.
  expect(manager.logger.complaints).toEqual([]);
  await client.close();
});

const bytes = (max: number) => fc.uint8Array({ maxLength: max });
const anyFieldName = fc.oneof(knownName, fc.uint8Array({ maxLength: 255 }), fc.constantFrom("", "a"));
const number64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const anyField = fc.tuple(
  anyFieldName,
  fc.oneof(
    fc.tuple(fc.constantFrom("S", "x"), bytes(3000).map(longText)),
    fc.tuple(fc.constantFrom("l", "T"), number64.map(u64)),
    fc.tuple(fc.constantFrom("I", "i"), fc.nat().map(u32)),
    fc.tuple(fc.constant("t"), fc.constantFrom(Buffer.from([0]), Buffer.from([1]))),
    fc.tuple(fc.constant("V"), fc.constant(Buffer.alloc(0))),
    fc.tuple(
      fc.constant("A"),
      fc
        .array(
          bytes(20).map((text) => Buffer.concat([Buffer.from("S"), longText(text)])),
          { maxLength: 3 },
        )
        .map((items) => longText(Buffer.concat(items))),
    ),
  ),
);
const anyProperty = fc.string({ unit: anyCharacter, maxLength: 60 });
const anyForeign = fc.record(
  {
    routingKey: fc.uint8Array({ maxLength: 255 }),
    headers: fc
      .array(anyField, { maxLength: 4 })
      .map((fields) => table(...fields.map(([name, [type, value]]) => field(name, type, value)))),
    contentType: fc.oneof(anyProperty, fc.constant("application/vnd.warren.packed")),
    messageId: anyProperty,
    timestamp: number64,
    appId: anyProperty,
    body: fc.constantFrom("answer", "fail"),
  },
  { requiredKeys: ["body"] },
);

/** Such a program says that its message is one of Warren's plain copies. Processors get none of these: it harms itself alone. */
function isMarkedAsCopy({ headers }: ForeignMessage): boolean {
  return headers?.includes("\u000bwarren-copy") === true;
}

test("any property that a program sets is answered or dead-lettered, or is refused to that program, but for what calls itself a copy", async () => {
  const url = await node.vhost();
  await using _processor = await startProcessor(url, ({ text }) => {
    if (text === "fail") throw new Error("told to fail");
    return text;
  });
  await using answers = await listenTo(url, "towsmanager");
  await using dead = await listenTo(url, "wsmanager.dead");
  let program = await ForeignProgram.connect(url);
  let taken = 0;
  let refused = 0;
  let silenced = 0;
  await fc.assert(
    fc.asyncProperty(anyForeign, async (message: ForeignMessage) => {
      try {
        await program.publish("wsmanager", message);
        if (isMarkedAsCopy(message)) silenced++;
        else taken++;
      } catch {
        refused++;
        await program[Symbol.asyncDispose]().catch(() => undefined);
        program = await ForeignProgram.connect(url);
      }
    }),
    rounds(200),
  );
  await until(
    () => textsOf(answers.heard).length + dead.heard.length >= taken,
    `each of ${taken} is answered or dead-lettered (${refused} were refused)`,
    10_000,
  );
  expect(taken).toBeGreaterThan(50);
  expect(silenced).toBeGreaterThan(0);
  await program[Symbol.asyncDispose]();
});
