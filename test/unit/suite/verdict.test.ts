import { describe, expect, test } from "bun:test";
import { failedFiles, type Report, ReportReader } from "../../suite/report.ts";
import { linesOf, verdictOf } from "../../suite/verdict.ts";

let unreached: readonly string[] = [];

function read(lines: readonly string[], files: readonly string[] = []): Report {
  const reader = new ReportReader();
  for (const line of lines) reader.take(line);
  unreached = reader.end(files, "its process ended too early");
  return reader.report;
}

const end = (tests: number) => ["", `Ran ${tests} tests across 1 file. [12.00ms]`];

const oneFails = read([
  "test/unit/a.test.ts:",
  "(pass) a deque > is empty [0.11ms]",
  "error: expect(received).toBe(expected)",
  "(fail) a deque > grows (twice) [1.20s]",
  ...end(2),
]);

describe("a test that failed", () => {
  test("has failed when it is not tried again", () => {
    expect(failedFiles(oneFails)).toEqual(["test/unit/a.test.ts"]);
    expect(linesOf(verdictOf(oneFails))).toEqual([
      "failed: test/unit/a.test.ts: a deque > grows (twice)",
      "== 1 passed, 1 failed, 0 unsteady",
    ]);
  });

  test("and fails again has failed", () => {
    expect(verdictOf(oneFails, oneFails)).toMatchObject({ passed: 1, unsteady: [], failed: { length: 1 } });
  });

  test("and passes on the second try is unsteady, and counts as passed", () => {
    const again = read([
      "test/unit/a.test.ts:",
      "(pass) a deque > is empty",
      "(pass) a deque > grows (twice)",
      ...end(2),
    ]);
    expect(linesOf(verdictOf(oneFails, again))).toEqual([
      "unsteady: passed on the second try: test/unit/a.test.ts: a deque > grows (twice)",
      "== 2 passed, 0 failed, 1 unsteady",
    ]);
  });

  test("and is not come to on the second try has failed", () => {
    const again = read(["test/unit/a.test.ts:", "(pass) a deque > is empty"]);
    expect(verdictOf(oneFails, again).failed).toEqual(["test/unit/a.test.ts: a deque > grows (twice)"]);
  });
});

test("a test that passes at first and fails on the second try is unsteady", () => {
  const first = read(["b.test.ts:", "(fail) one", "(pass) two", ...end(2)]);
  const second = read(["b.test.ts:", "(pass) one", "(fail) two", ...end(2)]);
  expect(verdictOf(first, second)).toEqual({
    passed: 2,
    failed: [],
    unsteady: ["b.test.ts: one", "b.test.ts: two"],
  });
});

test("tests with the same name are distinguished", () => {
  const first = read(["b.test.ts:", "(pass) one", "(fail) one", ...end(2)]);
  expect(verdictOf(first).failed).toEqual(["b.test.ts: one (2)"]);
});

test("a hook that fails once, so that no test is run, is unsteady, and the tests count", () => {
  const first = read(["b.test.ts:", "(fail) (unnamed)", ...end(1)]);
  const second = read(["b.test.ts:", "(pass) one", "(pass) two", ...end(2)]);
  expect(verdictOf(first, second)).toEqual({ passed: 2, failed: [], unsteady: ["b.test.ts: (unnamed)"] });
});

describe("an error between tests", () => {
  const broken = ["b.test.ts:", "(pass) one", "# Unhandled error between tests", "error: late"];

  test("fails the file", () => {
    expect(verdictOf(read([...broken, ...end(1)])).failed).toEqual(["b.test.ts: an error between tests"]);
  });

  test("that does not come again makes it unsteady", () => {
    const second = read(["b.test.ts:", "(pass) one", ...end(1)]);
    expect(verdictOf(read([...broken, ...end(1)]), second)).toEqual({
      passed: 1,
      failed: [],
      unsteady: ["b.test.ts: an error between tests"],
    });
  });
});

test("a process that ends too early fails the file that it was in, and names those that it did not come to", () => {
  const lines = ["a.test.ts:", "(pass) one", "b.test.ts:", "(pass) two"];
  expect(failedFiles(read(lines, ["a.test.ts", "b.test.ts", "c.test.ts"]))).toEqual(["b.test.ts"]);
  expect(unreached).toEqual(["c.test.ts"]);
});

test("what is repeated at the end is no failure of the last file", () => {
  const lines = [
    "a.test.ts:",
    "(fail) one",
    "b.test.ts:",
    "(pass) two",
    "",
    "1 tests failed:",
    "(fail) one",
    ...end(2),
  ];
  expect(verdictOf(read(lines)).failed).toEqual(["a.test.ts: one"]);
});

test("colours and groups of GitHub's are no part of a name", () => {
  const report = read([
    "\x1b[1m::group::b.test.ts:\x1b[0m",
    "\x1b[32m(pass)\x1b[0m one\x1b[2m [0.1ms]\x1b[0m",
    ...end(1),
  ]);
  expect(verdictOf(report)).toEqual({ passed: 1, failed: [], unsteady: [] });
});
