import { describe, expect, test } from "bun:test";
import {
  appToSendTo,
  destinationOf,
  direct,
  isApp,
  patternToSubscribe,
  presenceTopicIn,
  replyDestination,
  replyNameIn,
  topicToSendTo,
} from "../../../../src/wire/stomp/destinations.ts";
import { StompFault } from "../../../../src/wire/stomp/fault.ts";

const longest = "x".repeat(255);

/** The sentence of the fault that an act ends with. */
function faultOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof StompFault) return error.message;
    throw error;
  }
  throw new Error("there was no fault");
}

test.each(["a", "a.b", "", "/topic/a", "é ü", longest])(
  "what is sent to the topic %p comes with the destination that sends to it",
  (topic) => {
    expect(topicToSendTo(destinationOf(topic))).toBe(topic);
    // From what is remembered, too.
    expect(topicToSendTo(destinationOf(topic))).toBe(topic);
    expect(patternToSubscribe(destinationOf(topic))).toBe(topic);
  },
);

test("more destinations than are remembered stand for the same topics as before", () => {
  for (let round = 0; round < 2; round++)
    for (let number = 0; number < 3000; number++)
      expect(topicToSendTo(`/topic/many.${number}`)).toBe(`many.${number}`);
});

describe("nothing is sent to", () => {
  test.each([
    ["/direct", "is to subscribe to"],
    ["/topic/a.*", "is a pattern"],
    ["/topic/#", "is a pattern"],
    ["/topic/", "unknown destination"],
    ["topic/a", "unknown destination"],
    ["/queue/a", "unknown destination"],
    ["", "unknown destination"],
    [`/topic/${longest}x`, "at most 255 bytes"],
    ["/topic/a\u0000", "no control characters"],
  ])("%p: %s", (destination, why) => {
    expect(faultOf(() => topicToSendTo(destination))).toInclude(why);
  });
});

test("patterns and what is for the client alone are subscribed to", () => {
  expect(patternToSubscribe("/topic/a.*.#")).toBe("a.*.#");
  expect(patternToSubscribe("/direct")).toBe(direct);
  expect(faultOf(() => patternToSubscribe("/app/a"))).toInclude("unknown destination");
});

test("a request names its topic, and where its answers go", () => {
  expect([isApp("/app/a.b"), isApp("/topic/app/a")]).toEqual([true, false]);
  expect(appToSendTo("/app/a.b")).toBe("a.b");
  expect(faultOf(() => appToSendTo("/app/"))).toInclude("1 to 255 bytes");
  expect(faultOf(() => appToSendTo("/app/a.#"))).toInclude("is a pattern");
  expect(replyNameIn(replyDestination("answers"))).toBe("answers");
  for (const replyTo of ["", "/temp-queue/", "answers", "/topic/a"])
    expect(faultOf(() => replyNameIn(replyTo))).toInclude("/temp-queue/NAME");
});

test("presence is asked for by a topic, or without one for all clients", () => {
  expect(presenceTopicIn("/presence/a.b")).toBe("a.b");
  expect(presenceTopicIn("/presence")).toBe("");
  expect(presenceTopicIn("/presences/a")).toBeUndefined();
  expect(presenceTopicIn("/topic/a")).toBeUndefined();
  expect(faultOf(() => presenceTopicIn("/presence/"))).toInclude("1 to 255 bytes");
  expect(faultOf(() => presenceTopicIn("/presence/a.*"))).toInclude("is a pattern");
});
