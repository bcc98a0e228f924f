import { expect, test } from "bun:test";
import { MembersPublisher } from "../../../src/presence/members-publisher.ts";
import type { PresenceMessage } from "../../../src/presence/presence-message.ts";
import { defaultPresenceTiming } from "../../../src/presence/timing.ts";
import { topicsMax } from "../../../src/presence/watching.ts";
import { ClientsByTurns } from "../doubles/clients-by-turns.ts";
import { makeFakeClock } from "../doubles/fake-clock.ts";

makeFakeClock();

const publisherOfNobody = () => {
  const peers = {
    own: "a",
    others: ["b"],
    knows: () => true,
    isOpen: true,
    tellAll: () => undefined,
    tell: () => undefined,
  };
  return new MembersPublisher(
    peers,
    new ClientsByTurns(),
    () => undefined,
    () => undefined,
    defaultPresenceTiming,
  );
};
const topics = (count: number, prefix = "") => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

test.each<[string, PresenceMessage[]]>([
  ["as a change", [{ from: "b", version: 1, watch: topics(10 * topicsMax) }]],
  ["as its whole list", [{ from: "b", version: 1, all: topics(10 * topicsMax), part: 0, parts: 1 }]],
  [
    "in a list of many parts",
    topics(10).map((prefix, part) => ({
      ...{ from: "b", version: 1, part, parts: 10 },
      all: topics(topicsMax, `${prefix}-`),
    })),
  ],
  [
    "again and again",
    topics(10).map((prefix, n) => ({ from: "b", version: n + 1, watch: topics(topicsMax, `${prefix}-`) })),
  ],
])("no more topics are held for a manager than it may watch, however a program says them: %s", (_, said) => {
  const publisher = publisherOfNobody();
  for (const one of said) publisher.heard(one);
  expect(publisher.topicCount).toBe(topicsMax);
  publisher.gone("b");
  expect(publisher.topicCount).toBe(0);
  publisher.close();
});
