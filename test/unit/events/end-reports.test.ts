import { expect, test } from "bun:test";
import type { EventsLink } from "../../../src/broker/events.ts";
import { EndReports } from "../../../src/events/end-reports.ts";
import { until } from "../../support/wait.ts";

/** A broker that has these sources still; it answers one question at a time. */
function brokerWith(there: ReadonlySet<string>) {
  const asked: string[] = [];
  let open = 0;
  let openMax = 0;
  let isLost = false;
  const link = {
    async isFenced(source: string) {
      asked.push(source);
      openMax = Math.max(openMax, ++open);
      await Promise.resolve();
      open--;
      if (isLost) throw new Error("the link is lost");
      return !there.has(source);
    },
  } as EventsLink;
  const believed: string[] = [];
  const words = new EndReports((source) => void believed.push(source));
  return {
    asked,
    believed,
    hear: (source: string) => words.hear(source, link),
    lose(lost: boolean) {
      isLost = lost;
    },
    get openMax() {
      return openMax;
    },
  };
}

test("a source that is there still is not at its end, whoever says so; one that is not, is", async () => {
  const { believed, hear } = brokerWith(new Set(["alive"]));
  for (const source of ["alive", "fenced", "alive", "gone"]) hear(source);
  await until(() => believed.length === 2, "two are believed");
  expect(believed).toEqual(["fenced", "gone"]);
});

test("a program that says very much has few questions asked, one after the other", async () => {
  const broker = brokerWith(new Set());
  for (let n = 0; n < 100_000; n++) {
    broker.hear(`source-${n}`);
    broker.hear("again");
  }
  await until(() => broker.believed.length === broker.asked.length, "all are answered");
  expect(broker.asked.length).toBeLessThan(1100);
  expect(new Set(broker.asked).size).toBe(broker.asked.length);
  expect(broker.openMax).toBe(1);
});

test("when the link is lost what waited is forgotten, and what is said after that is looked up", async () => {
  const { asked, believed, hear, lose } = brokerWith(new Set());
  lose(true);
  for (const source of ["one", "two", "three"]) hear(source);
  await Bun.sleep(0);
  lose(false);
  hear("four");
  await until(() => believed.length > 0, "the last one is believed");
  expect(asked).toEqual(["one", "four"]);
  expect(believed).toEqual(["four"]);
});
