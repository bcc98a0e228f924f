import { expect, test } from "bun:test";
import { type CloseCode, closeCodes } from "../../../src/wire/close-codes.ts";
import {
  closingInWords,
  diagnosisOf,
  firstAttemptAfter,
  isWithoutUpgrade,
} from "../../../static/session/closing.ts";

const inWords = (code: number, reason = "") => closingInWords({ code, reason, opened: true });

test("a closing is described in words, with its code and the manager's reason", () => {
  expect(inWords(1001)).toBe("The manager is shutting down or restarting (1001)");
  expect(inWords(1009, "message too large")).toBe(
    "A message was too large for the manager (1009: message too large)",
  );
  expect(inWords(1008, "slow client")).toContain("(1008: slow client)");
  expect(inWords(1013)).toContain("too busy");
  expect(inWords(4321, "moved")).toBe("The manager closed the connection (4321: moved)");
});

test("a connection that just vanished has no code worth looking up", () => {
  expect(inWords(1006)).toBe("The connection was lost");
});

test("a connection that never was is a manager that cannot be reached", () => {
  expect(closingInWords({ code: 1006, reason: "", opened: false })).toBe("The manager cannot be reached");
});

test("a manager that refused is asked again later than one that restarts", () => {
  const attemptAfter = (code: number) => firstAttemptAfter({ code, reason: "", opened: true });
  expect([1001, 1006, 1009, 1012].map(attemptAfter)).toEqual([0, 0, 0, 0]);
  for (const code of [1008, 1013, 4000]) expect(attemptAfter(code)).toBeGreaterThan(2);
});

test("the page knows every code that the gateway closes with", () => {
  for (const { code, words, reconnect } of Object.values<CloseCode>(closeCodes)) {
    const [first] = Object.values<CloseCode>(closeCodes).filter((each) => each.code === code);
    expect(inWords(code)).toStartWith(first!.words);
    if (first!.words === words)
      expect(firstAttemptAfter({ code, reason: "", opened: true }) > 2).toBe(reconnect !== "soon");
  }
});

test("the answer to an ordinary request tells why a WebSocket could not be opened", () => {
  expect(diagnosisOf(undefined)).toBe("The manager cannot be reached");
  expect(isWithoutUpgrade({ status: 426, text: "this is a WebSocket endpoint" })).toBe(true);
  expect([isWithoutUpgrade(undefined), isWithoutUpgrade({ status: 503, text: "" })]).toEqual([false, false]);
  expect(diagnosisOf({ status: 503, text: "this manager is stopping: connect again\n" })).toBe(
    "The manager refused: this manager is stopping: connect again",
  );
  expect(diagnosisOf({ status: 502, text: "" })).toContain("HTTP 502");
  expect(diagnosisOf({ status: 200, text: "x".repeat(301) })).toContain("HTTP 200");
  const closing = { code: 1006, reason: "", opened: false, diagnosis: "A proxy" };
  expect(closingInWords(closing)).toBe("A proxy");
});
