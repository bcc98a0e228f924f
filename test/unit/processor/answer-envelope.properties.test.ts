import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isName, isReservedHeader, type Message } from "../../../src/message.ts";
import { answersOf } from "../../../src/processor/answers.ts";
import { UnusableAnswer } from "../../../src/processor/unusable-answer.ts";
import { isPropertyName } from "../../../src/properties.ts";
import { isPattern } from "../../../src/topics/pattern.ts";
import { anyBytes, anyName, anyText } from "../doubles/arbitraries.ts";
import { rounds } from "../doubles/rounds.ts";

const question: Message = {
  id: "m-1",
  body: "question",
  topic: "a.b",
  clientId: "c-1",
  headers: undefined,
  appId: undefined,
  timestamp: 1,
};

const ownHeader = anyName.filter(
  (name) =>
    !isReservedHeader(name) &&
    !isPropertyName(name) &&
    !["client-id", "destination", "message-id", "content-length", "subscription"].includes(name) &&
    !["receipt", "receipt-id", "transaction", "ack", "__proto__"].includes(name),
);
const headerText = anyText.filter((text) => !text.includes("\0"));
const exactTopic = fc.oneof(fc.constant(""), anyName).filter((name) => !isPattern(name));
const address = fc.oneof(
  fc.constant("topic" as const),
  fc.constant("sender" as const),
  fc.record({ topic: exactTopic }),
  fc.record({ client: anyName }),
);
const envelope = fc.record(
  {
    to: address,
    body: fc.oneof(anyText, anyBytes, fc.dictionary(anyName, fc.integer(), { maxKeys: 3 })),
    headers: fc.dictionary(ownHeader, headerText, { maxKeys: 3 }),
    contentType: fc.constantFrom("text/html", "application/json", "image/png"),
  },
  { requiredKeys: ["to", "body"] },
);

/** The reason why nothing of it is sent. */
function refusalOf(result: unknown): string {
  try {
    answersOf(result, question);
  } catch (error) {
    expect(error).toBeInstanceOf(UnusableAnswer);
    return (error as UnusableAnswer).message;
  }
  return "";
}

describe("an envelope", () => {
  test("that follows the contract is sent as it says, whatever is in it", () => {
    fc.assert(
      fc.property(envelope, (given) => {
        const [answer, ...more] = answersOf(given, question);
        expect(more).toEqual([]);
        const { to } = given;
        const topic = typeof to === "object" && "topic" in to ? to.topic : "a.b";
        const client =
          typeof to === "object" && "client" in to ? to.client : to === "sender" ? "c-1" : undefined;
        expect([answer!.topic, answer!.clientId]).toEqual([topic, client]);
        const isBody = typeof given.body === "string" || given.body instanceof Uint8Array;
        expect(answer!.body).toEqual(isBody ? (given.body as string) : JSON.stringify(given.body));
        const type = given.contentType ?? (isBody ? undefined : "application/json");
        expect({ ...answer!.headers }).toEqual({
          ...given.headers,
          ...(type === undefined ? {} : { "content-type": type }),
        });
      }),
      rounds(),
    );
  });

  test("with any other key is sent to nobody, and the reason names the key", () => {
    const others = anyName.filter(
      (name) => !["to", "body", "headers", "contentType", "__proto__"].includes(name),
    );
    fc.assert(
      fc.property(envelope, others, fc.anything(), (given, key, value) => {
        const reason = refusalOf([{ ...given, [key]: value }, "another answer"]);
        expect(reason).toInclude("unknown key");
        expect(reason).toInclude(JSON.stringify(key).slice(0, 100));
      }),
      rounds(),
    );
  });

  test("with anything else than an address is sent to nobody", () => {
    const isAddress = (to: unknown) => {
      if (to === "topic" || to === "sender") return true;
      if (typeof to !== "object" || to === null || Object.keys(to).length !== 1) return false;
      if ("topic" in to) return typeof to.topic === "string" && isName(to.topic) && !isPattern(to.topic);
      return "client" in to && typeof to.client === "string" && to.client !== "" && isName(to.client);
    };
    const near = fc.record(
      { topic: fc.anything(), client: fc.anything(), other: fc.anything() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.anything(), near), envelope, (to, given) => {
        fc.pre(!isAddress(to));
        expect(refusalOf({ ...given, to })).toMatch(/^an answer/);
      }),
      rounds(),
    );
  });

  test("with a header that AMQP, STOMP or Warren could not carry as it is, is sent to nobody", () => {
    const bad = fc.oneof(
      fc.tuple(
        fc.constantFrom("x-mine", "warren-audience", "CC", "BCC", "client-id", "message-id", ""),
        headerText,
      ),
      fc.tuple(
        fc.constantFrom("priority", "expiration", "timestamp"),
        fc.constantFrom("-1", "soon", "", "1.5"),
      ),
      fc.tuple(ownHeader, fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.array(headerText))),
      fc.tuple(
        ownHeader,
        headerText.map((text) => `${text}\0`),
      ),
      fc.constant(["mine".repeat(64), "too long a name"] as const),
      fc.constant(["correlation-id", "c".repeat(65_536)] as const),
      fc.constant(["content-type", "application/vnd.warren.packed"] as const),
    );
    fc.assert(
      fc.property(envelope, bad, (given, [name, value]) => {
        const { contentType: _, ...rest } = given;
        expect(refusalOf({ ...rest, headers: { [name]: value } })).toInclude("an answer's header");
      }),
      rounds(),
    );
  });
});

test.each([
  ["a typo in the addressee", { to: "alice", body: "secret" }, 'not "alice"'],
  ["a topic beside the body", { topic: "a", body: "x" }, 'the unknown key "topic"'],
  ["a client beside the body", { client: "bob", body: "x" }, 'the unknown key "client"'],
  ["no addressee", { body: "x" }, "says where it goes"],
  ["no body", { to: "sender" }, "has no body"],
  ["a pattern", { to: { topic: "orders.#" }, body: "x" }, 'not to a pattern like "orders.#"'],
  ["a topic that is too long", { to: { topic: "é".repeat(128) }, body: "x" }, "at most 255 bytes"],
  ["a client without a name", { to: { client: "" }, body: "x" }, "1 to 255 bytes"],
  ["a client that is a number", { to: { client: 7 }, body: "x" }, "client is a text, not 7"],
  ["two addressees", { to: { topic: "a", client: "b" }, body: "x" }, "one of the two"],
  ["a misspelt topic", { to: { topics: "a" }, body: "x" }, 'the unknown key "topics"'],
  [
    "two content types",
    { to: "topic", body: "", contentType: "a/b", headers: { "content-type": "a/b" } },
    "keep one",
  ],
  ["headers of another kind", { to: "topic", body: "", headers: new Headers() }, "Object.fromEntries"],
  ["a response of fetch", new Response("body"), "says where it goes"],
])("an envelope with %s is refused with a reason that names it", (_, result, reason) => {
  expect(refusalOf(result)).toInclude(reason);
});
