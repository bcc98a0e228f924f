import { describe, expect, test } from "bun:test";
import { exposition } from "../../../src/ops/metrics.ts";
import { entriesIn, isEntry, textsIn } from "../../../static/admin/state/entries.ts";
import { numberOf, samplesIn } from "../../../static/admin/state/exposition.ts";
import { nothingOf, numberIn, told, whyNot } from "../../../static/admin/state/nothing.ts";
import { quantileBetween } from "../../../static/admin/state/quantile.ts";
import { Rates } from "../../../static/admin/state/rates.ts";
import { clientsIn, leftOut, managersIn } from "../../../static/admin/state/seen.ts";
import { Series } from "../../../static/admin/state/series.ts";
import { Watch } from "../../../static/admin/state/watch.ts";
import { inAge, inBytes, inShort, inTime } from "../../../static/admin/state/words.ts";
import { ceilingOf } from "../../../static/admin/view/chart.ts";

describe("what the admin page reads of /metrics", () => {
  test("is what Warren writes, whatever a topic is called", () => {
    const nasty = 'a "quoted", {braced} \\ back\nslashed';
    const text = exposition([
      { name: "warren_clients", type: "gauge", help: "Clients.", read: () => 7 },
      {
        name: "warren_busiest_topics_messages",
        type: "gauge",
        help: "Topics.",
        label: "topic",
        readEach: () => [
          [nasty, 3],
          ["", 4.5],
        ],
      },
    ]);
    const samples = samplesIn(text);
    expect(numberOf(samples, "warren_clients")).toBe(7);
    expect(samples.get("warren_busiest_topics_messages")).toEqual([
      { labels: { topic: nasty }, value: 3 },
      { labels: { topic: "" }, value: 4.5 },
    ]);
    expect(numberOf(samples, "warren_busiest_topics_messages")).toBe(7.5);
    expect(numberOf(samples, "warren_nothing")).toBeUndefined();
  });

  test("a quantile is of what came between two readings", () => {
    const reading = (...counts: number[]) =>
      samplesIn(
        ["0.001", "0.01", "0.1", "+Inf"]
          .map((le, index) => `t_bucket{le="${le}"} ${counts[index]}`)
          .join("\n"),
      );
    const before = reading(100, 100, 100, 100);
    expect(quantileBetween(before, reading(100, 200, 200, 200), "t", 0.5)).toBeCloseTo(0.0055);
    expect(quantileBetween(before, reading(198, 199, 200, 200), "t", 0.99)).toBeCloseTo(0.01);
    expect(quantileBetween(before, before, "t", 0.99)).toBeUndefined();
    // Beyond the last bound nobody knows how far.
    expect(quantileBetween(before, reading(100, 100, 100, 200), "t", 0.99)).toBe(0.1);
    expect(quantileBetween(new Map(), new Map(), "t", 0.99)).toBeUndefined();
  });
});

describe("the admin page's curves", () => {
  test("show the growth a second of each process, and nothing for one that is new or began anew", () => {
    const rates = new Rates();
    expect(rates.of(new Map([["a", [10]]]), 1000)).toEqual(new Map());
    const second = new Map([
      ["a", [30]],
      ["b", [500]],
    ]);
    expect(rates.of(second, 3000)).toEqual(new Map([["a", [10]]]));
    const third = new Map([
      ["a", [5]],
      ["b", [510]],
    ]);
    expect(rates.of(third, 4000)).toEqual(
      new Map([
        ["a", [0]],
        ["b", [10]],
      ]),
    );
  });

  test("forget what is older than their span", () => {
    const series = new Series(1000);
    for (const atMs of [0, 500, 1000, 1600]) series.add(atMs, atMs);
    expect(series.points.map(({ atMs }) => atMs)).toEqual([1000, 1600]);
    expect([series.last, series.max]).toEqual([1600, 1600]);
    series.add(1700, undefined);
    expect([series.last, series.max]).toEqual([undefined, 1600]);
  });

  test("end at a round number", () => {
    expect([0, 0.003, 1, 1.1, 19, 21, 99, 1001].map(ceilingOf)).toEqual([0, 0.005, 1, 2, 20, 50, 100, 2000]);
  });
});

test("numbers are shortened", () => {
  expect([0, 7, 7.25, 999.6, 12_345, 4_560_000].map(inShort)).toEqual([
    "0",
    "7",
    "7.3",
    "1,000",
    "12.3 k",
    "4.56 M",
  ]);
  expect([0.0004, 0.0123, 1.52].map(inTime)).toEqual(["0.4 ms", "12 ms", "1.5 s"]);
  expect([0, 1023, 1536, 300 * 1024 ** 2].map(inBytes)).toEqual(["0 B", "1023 B", "1.5 KiB", "300 MiB"]);
  expect([5, 600, 10_000, 10 ** 6].map(inAge)).toEqual(["5 s", "10 min", "3 h", "12 d"]);
});

describe("what the admin page is answered", () => {
  const anna = { client: "anna", manager: "one", protocol: "text", topics: ["t"] };

  test("is shown as far as it is what the page knows, and what is not is counted", () => {
    const odd = [
      null,
      7,
      "anna",
      {},
      { ...anna, topics: "t" },
      { ...anna, topics: [7] },
      { ...anna, address: 7 },
    ];
    expect(clientsIn([anna, ...odd])).toEqual({ known: [anna], unknown: odd.length });
    for (const noList of [undefined, null, {}, "anna"])
      expect(clientsIn(noList)).toEqual({ known: [], unknown: 1 });
    expect([leftOut(0, "clients"), leftOut(2, "clients")]).toEqual([
      "",
      "2 clients not shown: this page does not know what was answered.",
    ]);
    expect(textsIn(["a", 7, null, "b"])).toEqual(["a", "b"]);
    expect(textsIn({})).toEqual([]);
  });

  test("is never said to be nothing where there is something that cannot be shown", async () => {
    expect([0, 2].map((unknown) => nothingOf("clients", unknown))).toEqual([
      "No clients.",
      "None of the clients can be shown.",
    ]);
    const looked = async (managers: object, topics: object) => {
      const watch = new Watch({
        metrics: () => Promise.resolve("warren_clients 2"),
        readiness: () => Promise.resolve(undefined),
        ask: (path: string) => Promise.resolve(path === "/api/topics" ? topics : managers),
      } as never);
      await watch.look(() => 0);
      return [watch.whyNoManagers, watch.areTopicsAll];
    };
    const ok = (body: object) => ({ is: "ok", body });
    expect(await looked(ok({ managers: [null] }), ok({ topics: [null] }))).toEqual([undefined, false]);
    expect(await looked(ok({ managers: [] }), ok({ topics: [] }))).toEqual([undefined, true]);
    expect(await looked({ is: "refused", why: "it is stopping" }, ok({}))).toEqual(["it is stopping", false]);
  });

  test("says what is missing: a token, a manager with one, or what the manager refused for", () => {
    expect(whyNot({ is: "locked" }, "clients")).toBe("Enter the admin token to see clients.");
    expect(whyNot({ is: "absent" }, "clients")).toBe(
      "A manager without --admin-token-file does not list clients.",
    );
    expect(whyNot({ is: "refused", why: "it is stopping" }, "clients")).toBe("it is stopping");
  });

  test("tells an empty text from none, and a number from what is none", () => {
    expect([told("a"), told(""), told(undefined), told(undefined, "unknown")]).toEqual([
      "a",
      "(empty)",
      "none",
      "unknown",
    ]);
    expect([7, 0, "7", undefined, null, Number.NaN].map(numberIn)).toEqual([
      7,
      0,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("has every field that is needed of it, of its kind", () => {
    const fields = { a: "text", b: "number?", c: "truth", d: "object", e: "texts?" } as const;
    const whole = { a: "", c: false, d: {}, more: 1 };
    expect(isEntry(whole, fields)).toBe(true);
    expect(isEntry({ ...whole, b: 7, e: [] }, fields)).toBe(true);
    for (const wrong of [{ a: 7 }, { b: "7" }, { c: undefined }, { d: null }, { e: [null] }])
      expect(isEntry({ ...whole, ...wrong }, fields)).toBe(false);
    expect(entriesIn<object>([whole, 7], fields)).toEqual({ known: [whole], unknown: 1 });
  });

  test("does not end its looking, where another version or another program answers for a manager", async () => {
    const manager = {
      manager: "one",
      version: "1",
      ready: true,
      clients: 2,
      messages: 3,
      deliveries: 4,
      waitingBytes: 5,
      uptimeSeconds: 6,
    };
    expect(managersIn([manager]).known).toEqual([manager]);
    const bodies: Readonly<Record<string, object>> = {
      "/api/managers": { managers: [manager, { manager: "two" }, null] },
      "/api/topics": { topics: { t: 1 } },
    };
    const watch = new Watch({
      metrics: () => Promise.resolve("warren_clients 2"),
      readiness: () => Promise.resolve(undefined),
      ask: (path: string) => Promise.resolve({ is: "ok", body: bodies[path] }),
    } as never);
    for (let look = 0; look < 2; look++) await watch.look(() => 1000 * look);
    const { managers, unknown, missing, topics } = watch;
    expect([managers, unknown, missing, topics]).toEqual([[manager], 2, [], []]);
    expect(watch.clients.last).toBe(2);
  });

  test.each([
    ["all topics", { topics: [], missing: [] }, true],
    ["the thousand with the most subscribers", { topics: [], missing: [], others: 3 }, false],
    ["what some managers have", { topics: [], missing: ["two"] }, false],
  ])(
    "subscribers of a topic that is not listed are none only where the list has %s",
    async (_, body, areAll) => {
      const watch = new Watch({
        metrics: () => Promise.resolve("warren_clients 2"),
        readiness: () => Promise.resolve(undefined),
        ask: (path: string) =>
          Promise.resolve(path === "/api/topics" ? { is: "ok", body } : { is: "ok", body: { managers: [] } }),
      } as never);
      await watch.look(() => 0);
      expect(watch.areTopicsAll).toBe(areAll);
    },
  );
});
