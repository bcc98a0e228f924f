import { describe, expect, test } from "bun:test";
import { type Book, placeOf, type Recorded, type Seen, saidIn, type View } from "../../chaos/book.ts";
import { judge } from "../../chaos/judge.ts";

const everything = () => true;

/** `12 s1:3` is the third message of s1 at place 12 of the log; `gap` before it: after a gap told; `live s1:3` has no place. */
function seenOf(lines: readonly string[]): Seen[] {
  return lines.map((line, index) => {
    const [, gap, place, body, connection, id] = /^(gap )?(\S+) (\S+?)(?:@(\d+))?(?: (\S+))?$/.exec(line)!;
    return {
      at: 1000 + index,
      connection: Number(connection ?? 0),
      said: saidIn(body!)!,
      id: id ?? `id of ${body}`,
      place: place === "live" ? undefined : placeOf(`${place}-x`),
      isAfterGap: gap !== undefined,
    };
  });
}

function view(name: string, lines: readonly string[], parts: Partial<View> = {}): View {
  const seen = seenOf(lines);
  return {
    name,
    isDurable: seen.every(({ place }) => place !== undefined),
    isFromFirst: false,
    wants: everything,
    seen,
    connectedAt: [500, 1000, 1001, 1002, 1003],
    connectedTo: ["a", "a", "a", "a", "a"],
    isOpen: true,
    faults: [],
    ...parts,
  };
}

function verdictOn(views: readonly View[], parts: Partial<Book> = {}) {
  const book: Book = {
    topicOf: () => "chaos",
    managerOf: () => "a",
    sentAt: () => 0,
    receipts: [],
    views,
    lastLog: [],
    dead: new Set(),
    logLosses: [],
    groupLosses: { first: [], second: [] },
    deadLosses: [],
    bindingLosses: [],
    processorLosses: [],
    unaware: {},
    ...parts,
  };
  const { findings, ...counts } = judge(book);
  const wrong = Object.fromEntries(Object.entries(findings.counts).filter(([, count]) => count > 0));
  return { wrong, ...counts };
}

const log = ["0 s1:0", "1 s1:1", "2 s1:2", "3 s1:3"];
const auditor = view("auditor", log, { isFromFirst: true });

describe("what a durable reader got", () => {
  test.each([
    ["all of it", log, {}],
    ["all from where it began", log.slice(2), {}],
    ["all over two connections", ["0 s1:0", "1 s1:1", "2 s1:2@1", "3 s1:3@1"], {}],
    ["a hole", ["0 s1:0", "1 s1:1", "3 s1:3"], { missing: 1 }],
    ["a hole at its resumption", ["0 s1:0", "3 s1:3@1"], { missing: 2 }],
    ["not the end", log.slice(0, 2), { missing: 2 }],
    ["one twice", ["0 s1:0", "1 s1:1", "1 s1:1@1", "2 s1:2@1", "3 s1:3@1"], { repeated: 1 }],
    ["two in another order", ["0 s1:0", "2 s1:2", "1 s1:1", "3 s1:3"], { reordered: 1 }],
    ["a gap told without cause", ["0 s1:0", "gap 3 s1:3"], { gapsWithoutCause: 1, missing: 3 }],
    ["another message", ["0 s1:0", "1 s1:7", "2 s1:2", "3 s1:3"], { conflicts: 1 }],
  ])("%s", (_, lines, wrong) => {
    expect(verdictOn([auditor, view("reader", lines)]).wrong).toEqual(wrong);
  });

  test("nothing of a new log, and no gap told, is wrong", () => {
    const parts = {
      logLosses: [{ from: 900, to: 901 }],
      sentAt: (_: string, number: number) => (number < 2 ? 0 : 950),
    };
    const fresh = view("auditor", ["0 s1:2", "1 s1:3"], { isFromFirst: true });
    const told = view("told", ["0 s1:0", "1 s1:1", "gap 0 s1:2", "1 s1:3"]);
    const untold = view("untold", ["0 s1:0", "1 s1:1"]);
    expect(verdictOn([fresh, told], parts).wrong).toEqual({});
    expect(verdictOn([fresh, told, untold], parts).wrong).toEqual({ missing: 1 });
    const skipping = view("skipping", ["0 s1:0", "1 s1:1", "gap 1 s1:3"]);
    expect(verdictOn([fresh, skipping], parts).wrong).toEqual({ missing: 1 });
  });

  test("to be resumed in a new log by a position of the old one, with no gap told, is wrong", () => {
    const parts = {
      logLosses: [{ from: 900, to: 901 }],
      sentAt: (_: string, number: number) => (number < 2 ? 0 : 950),
    };
    const fresh = view("auditor", ["0 s1:2", "1 s1:3", "2 s1:4", "3 s1:5"], { isFromFirst: true });
    const resumed = view("resumed", ["0 s1:0", "1 s1:1", "2 s1:4@1", "3 s1:5@1"]);
    expect(verdictOn([fresh, resumed], parts).wrong).toMatchObject({ conflicts: 2 });
    const told = view("told", ["0 s1:0", "1 s1:1", "gap 0 s1:2@1", "1 s1:3@1", "2 s1:4@1", "3 s1:5@1"]);
    expect(verdictOn([fresh, told], parts).wrong).toEqual({});
  });

  test("what began somewhere in one of two logs is of that one in which others have seen the same there", () => {
    const parts = { logLosses: [{ from: 900, to: 901 }], sentAt: () => 0 };
    const fresh = view("auditor", ["0 s1:2", "1 s1:3", "2 s1:4", "3 s1:5"], { connectedAt: [100_000] });
    const begun = view("begun", ["1 s1:3", "2 s1:4", "3 s1:5"], { connectedAt: [1000] });
    expect(verdictOn([fresh, begun], parts).wrong).toEqual({});
    const skipping = view("skipping", ["1 s1:3", "3 s1:5"], { connectedAt: [1000] });
    expect(verdictOn([fresh, skipping], parts).wrong).toEqual({ missing: 1 });
  });

  test("a gap that another manager tells again is counted apart", () => {
    const parts = {
      logLosses: [{ from: 900, to: 901 }],
      sentAt: (_: string, number: number) => (number < 2 ? 0 : 950),
    };
    const fresh = view("auditor", ["0 s1:2", "1 s1:3"], { isFromFirst: true });
    const lines = ["0 s1:0", "1 s1:1", "gap 0 s1:2", "gap 0 s1:2@1", "1 s1:3@1"];
    const moved = view("moved", lines, { connectedTo: ["a", "b"] });
    expect(verdictOn([fresh, moved], parts)).toMatchObject({ wrong: {}, gapsToldAgain: 1 });
    expect(verdictOn([fresh, view("stayed", lines)], parts).wrong).toEqual({ gapsWithoutCause: 1 });
  });

  test("what was on its way to a log that went comes before what it followed in the new one", () => {
    const parts = {
      logLosses: [{ from: 900, to: 901 }],
      sentAt: (_: string, n: number) => (n < 7 ? 950 : 5000),
    };
    const auditorOf = (lines: readonly string[]) => [view("auditor", lines, { isFromFirst: true })];
    expect(verdictOn(auditorOf(["0 s1:5", "1 s1:3", "2 s1:4"]), parts).wrong).toEqual({});
    expect(verdictOn(auditorOf(["0 s1:8", "1 s1:7", "2 s1:9"]), parts).wrong).toEqual({ reordered: 1 });
    expect(verdictOn(auditorOf(["0 s1:5", "1 s1:3", "2 s1:4"])).wrong).toEqual({ reordered: 2 });
  });

  describe("of what is in the log twice with one id", () => {
    const twice = [...log, "4 s1:1", "5 s1:2", "6 s1:4"];
    /** It has resumed between the two. */
    const between = view("between", ["3 s1:3", "4 s1:1", "5 s1:2", "6 s1:4"]);

    test.each([
      ["the first one alone", [...log, "6 s1:4"], {}],
      ["neither", ["0 s1:0", "3 s1:3", "6 s1:4"], { missing: 2 }],
      ["both over one connection", twice, { repeated: 2 }],
      [
        "the second one over another connection",
        [...log, "4 s1:1@1", "5 s1:2@1", "6 s1:4@1"],
        { repeated: 2 },
      ],
    ])("%s", (_, lines, wrong) => {
      const verdict = verdictOn([
        between,
        view("reader", lines, { isFromFirst: true }),
        view("other", [...log, "6 s1:4"]),
      ]);
      expect(verdict.wrong).toEqual(wrong);
    });

    test("what is in two logs is no repeat", () => {
      const parts = { logLosses: [{ from: 900, to: 901 }] };
      const told = view("told", ["0 s1:0", "1 s1:1", "gap 0 s1:1", "1 s1:2"], { isFromFirst: true });
      expect(verdictOn([told], parts).wrong).toEqual({});
    });

    test("a later copy may come before what followed the first one, in a new log too", () => {
      const lines = ["0 s1:1", "1 s1:2", "2 s1:3", "3 s1:1"];
      const parts = { logLosses: [{ from: 900, to: 901 }], sentAt: () => 5000 };
      const verdict = verdictOn([view("between", ["gap 3 s1:1"]), view("auditor", lines.slice(0, 3))], parts);
      expect(verdict).toMatchObject({ publishedTwice: 1 });
      expect(verdict.wrong["reordered"]).toBeUndefined();
    });

    test("counts as published twice, if it was not sent twice", () => {
      const verdict = verdictOn([between, view("reader", [...log, "6 s1:4"])]);
      expect(verdict).toMatchObject({ wrong: {}, publishedTwice: 2, answeredTwice: 0 });
    });

    test("a live reader may get the later copies whose first ones its manager has not read, up to where the log goes on", () => {
      // No durable reader sees the copies at 4 and 5, since each manager knows by then that they are some.
      const durable = view("reader", [...log, "6 s1:4"]);
      const live = (lines: readonly string[], lastLog = seenOf(twice) as readonly Recorded[]) =>
        verdictOn([durable, view("live", lines)], { managerOf: () => "b", lastLog }).wrong;
      const copies = ["live s1:1", "live s1:2", "live s1:4"];
      expect(live(copies)).toEqual({});
      expect(live(copies, [])).toEqual({ missing: 1 });
      expect(live(["live s1:0", "live s1:4"])).toEqual({ missing: 1 });
    });

    test("a live reader gets nothing twice, unless its manager has not read the first one", () => {
      const live = (lines: readonly string[]) =>
        verdictOn([between, view("reader", [...log, "6 s1:4"]), view("live", lines)], {
          managerOf: () => "b",
        }).wrong;
      expect(live(["live s1:2", "live s1:3", "live s1:4"])).toEqual({});
      expect(live(["live s1:3", "live s1:1", "live s1:2", "live s1:4"])).toEqual({});
      expect(live(["live s1:0", "live s1:1", "live s1:3"])).toEqual({ missing: 1 });
      expect(live(["live s1:1", "live s1:2", "live s1:3", "live s1:1"])).toEqual({ repeated: 1 });
    });
  });
});

describe("what a live reader got", () => {
  test.each([
    ["a part in one piece", ["live s1:1", "live s1:2"], {}],
    ["a hole", ["live s1:0", "live s1:2"], { missing: 1 }],
    ["a hole between two connections", ["live s1:0", "live s1:2@1"], {}],
    ["one twice", ["live s1:0", "live s1:0", "live s1:1"], { repeated: 1 }],
    ["two in another order", ["live s1:1", "live s1:0", "live s1:2"], { reordered: 1 }],
  ])("%s, from its own manager or another", (_, lines, wrong) => {
    const reader = view("reader", lines);
    expect(verdictOn([auditor, reader]).wrong).toEqual(wrong);
    expect(Object.keys(verdictOn([auditor, reader], { managerOf: () => "b" }).wrong)).toEqual(
      Object.keys(wrong),
    );
  });
});

describe("what a live reader got of a log that was deleted long after", () => {
  const lost = { managerOf: () => "b", logLosses: [{ from: 100_000, to: 100_001 }] };
  const read = view("read", log, { isOpen: false });

  test.each([
    ["what durable readers read", ["live s1:1", "live s1:2"], {}],
    ["a hole in that", ["live s1:1", "live s1:3", "live s1:7"], { missing: 1 }],
    ["more than they had read", ["live s1:2", "live s1:3", "live s1:5", "live s1:7"], {}],
    ["nothing that they had read", ["live s1:5", "live s1:7"], {}],
    ["more, in another order", ["live s1:3", "live s1:7", "live s1:5"], { missing: 1 }],
    ["more, with one twice", ["live s1:3", "live s1:5", "live s1:5"], { missing: 1 }],
  ])("%s", (_, lines, wrong) => {
    expect(verdictOn([read, view("live", lines)], lost).wrong).toEqual(wrong);
  });

  test("more than they had read, but after it had gone", () => {
    const live = view("live", ["live s1:3", "live s1:5"]);
    const late = {
      ...live,
      seen: live.seen.map((seen) => ({ ...seen, at: 200_000 })),
      connectedAt: [190_000],
    };
    expect(verdictOn([read, late], lost).wrong).toEqual({ missing: 1 });
  });
});

describe("a receipt", () => {
  const answered = [...log, "4 first/s1:0", "5 second/s1:0", "6 first/s1:1"];
  const views = [view("auditor", answered, { isFromFirst: true })];
  const receipt = (number: number) => [{ sender: "s1", number, at: 5000 }];

  test("of what is in the log and answered by every group holds", () => {
    expect(verdictOn(views, { receipts: receipt(0) }).wrong).toEqual({});
  });

  test("of what one group has not processed does not, unless its dead letters have it", () => {
    expect(verdictOn(views, { receipts: receipt(1) }).wrong).toEqual({ receiptsNotProcessed: 1 });
    expect(verdictOn(views, { receipts: receipt(1), dead: new Set(["second/s1:1"]) }).wrong).toEqual({});
  });

  test("of what is in no log does not, unless a log was deleted after it", () => {
    const unheard = { receipts: receipt(9), dead: new Set(["first/s1:9", "second/s1:9"]) };
    expect(verdictOn(views, unheard).wrong).toEqual({ receiptsNotInLog: 1 });
    const later = { from: 6000, to: 6001 };
    const all = [view("auditor", answered, { isFromFirst: true, isOpen: false })];
    expect(verdictOn(all, { ...unheard, logLosses: [later] })).toMatchObject({ wrong: {}, deleted: 1 });
  });

  test("of what a deleted log had holds nothing against it, unless a later one of its sender was read there", () => {
    const lost = [{ from: 6000, to: 6001 }];
    const both = [0, 1].map((number) => ({ sender: "s1", number, at: 5000 }));
    const dead = new Set(["first/s1:0", "second/s1:0", "first/s1:1", "second/s1:1"]);
    const reader = (lines: readonly string[]) => [view("reader", lines, { isOpen: false })];
    const parts = { receipts: both, dead, logLosses: lost };
    expect(verdictOn(reader(["0 s1:0"]), parts)).toMatchObject({ wrong: {}, deleted: 1 });
    expect(verdictOn(reader(["1 s1:1"]), parts).wrong).toEqual({ receiptsNotInLog: 1 });
  });

  test("of what a deleted queue had neither, unless a later one that was in it was processed", () => {
    const groupLosses = { first: [{ from: 6000, to: 6001 }], second: [] };
    const receipts = [0, 1].map((number) => ({ sender: "s1", number, at: 5000 }));
    const answers = ["0 s1:0", "1 s1:1", "2 second/s1:0", "3 second/s1:1"];
    const reader = (more: readonly string[]) => [view("reader", [...answers, ...more])];
    expect(verdictOn(reader([]), { receipts, groupLosses })).toMatchObject({ wrong: {}, deleted: 2 });
    expect(verdictOn(reader(["4 first/s1:1"]), { receipts, groupLosses }).wrong).toEqual({
      receiptsNotProcessed: 1,
    });
  });

  test("of very many that went with deleted queues, all are judged in one pass", () => {
    const loss = { from: 6000, to: 6001 };
    const receipts = Array.from({ length: 10_000 }, (_, number) => ({ sender: "s1", number, at: 5000 }));
    const dead = new Set(receipts.map(({ number }) => `second/s1:${number}`));
    const views = [
      view(
        "reader",
        receipts.map(({ number }) => `${number} s1:${number}`),
      ),
    ];
    const groupLosses = { first: [loss, { ...loss }], second: [] };
    expect(verdictOn(views, { receipts, dead, groupLosses })).toMatchObject({ wrong: {}, deleted: 10_000 });
  });

  test("nor of what a manager had that has just started, and did not know the group whose queue was deleted before", () => {
    const groupLosses = { first: [{ from: 3000, to: 3001 }], second: [] };
    const receipts = [0, 1].map((number) => ({ sender: "s1", number, at: 8000 }));
    const answers = ["0 s1:0", "1 s1:1", "2 second/s1:0", "3 second/s1:1", "4 first/s1:1"];
    const views = [view("reader", answers)];
    const parts = { receipts, groupLosses };
    const from = (...times: { from: number; to: number }[]) => ({ first: times, second: [] });
    const unaware = { a: from({ from: 7000, to: 7500 }) };
    expect(verdictOn(views, { ...parts, unaware })).toMatchObject({ wrong: {}, deleted: 1 });
    const knowing = [
      { a: from({ from: 100_000, to: 100_500 }), b: from({ from: 7000, to: 7500 }) },
      // It had heard of the group for a while when it sent the receipt, or when the queue was deleted.
      { a: from({ from: 2500, to: 5500 }) },
      { a: from({ from: 1000, to: 2500 }) },
    ];
    for (const unaware of knowing)
      expect(verdictOn(views, { ...parts, unaware }).wrong).toEqual({ receiptsNotProcessed: 1 });
  });
});
