import { expect, test } from "bun:test";
import { Hopeless } from "../../../src/processor/attempts.ts";
import { eventEnvelope, eventWork, keysFor } from "../../../src/processor/event-work.ts";
import { HandlerMessage } from "../../../src/processor/handler.ts";

const event = { event: "connected", client: "anna", connection: "m-1", manager: "m", at: 1 };
const envelopeOf = (body: string) => ({
  body: Buffer.from(body),
  routingKey: "client.connected",
  contentType: "application/json",
  messageId: undefined,
  timestamp: undefined,
  appId: undefined,
  clientId: undefined,
  headers: undefined,
});
const messageOf = (body: string, topic = "client.connected") =>
  new HandlerMessage({ id: "m-1/connected", body, topic, appId: undefined, timestamp: undefined });

test("an event has the client that it is about, and an id that is the same when it comes again", () => {
  const envelope = eventEnvelope(envelopeOf(JSON.stringify(event)));
  expect(envelope).toMatchObject({ clientId: "anna", messageId: "m-1/connected" });
  expect(eventEnvelope(envelopeOf(JSON.stringify(event)))).toEqual(envelope);
});

test("what is no event of a client fails at once, and is not handed to the handler", () => {
  let calls = 0;
  const { handle } = eventWork({ connected: () => void calls++ });
  for (const body of ["{", "7", "null", "[]", JSON.stringify({ ...event, client: 7 })]) {
    expect(eventEnvelope(envelopeOf(body)).clientId).toBeUndefined();
    expect(() => handle(messageOf(body), {} as never)).toThrow(Hopeless);
  }
  expect(calls).toBe(0);
});

test("a queue that has events of a kind which nobody hears any more is emptied of them", () => {
  const { isFor } = eventWork({ connected: () => undefined });
  expect([isFor!("client.connected"), isFor!("client.disconnected"), isFor!("x")]).toEqual([
    true,
    false,
    false,
  ]);
  expect(keysFor({ disconnected: () => undefined })).toEqual(["client.disconnected"]);
});

test("what does not say where it goes goes to the client, whatever form it has", async () => {
  const answers = [
    ["hello", { to: "sender", body: "hello" }],
    [{ a: 1 }, { to: "sender", body: { a: 1 } }],
    [
      { to: { topic: "t" }, body: "x" },
      { to: { topic: "t" }, body: "x" },
    ],
    [undefined, undefined],
  ] as const;
  for (const [returned, sent] of answers) {
    const resultOf = (value: unknown) =>
      eventWork({ connected: () => value as never }).handle(messageOf(JSON.stringify(event)), {} as never);
    expect(resultOf(returned)).toEqual(sent as never);
    expect(await resultOf(Promise.resolve(returned))).toEqual(sent as never);
    if (returned !== undefined) expect(resultOf([returned])).toEqual([sent] as never);
    const yielded: unknown[] = [];
    const stream = resultOf(
      (async function* () {
        yield await Promise.resolve(returned);
      })(),
    ) as AsyncIterable<unknown>;
    for await (const answer of stream) yielded.push(answer);
    expect(yielded).toEqual([sent]);
  }
});
