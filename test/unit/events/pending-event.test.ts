import { expect, test } from "bun:test";
import { connectionIn, connectionOf } from "../../../src/events/pending-event.ts";

test("a connection's number is found in its name, and in nothing else", () => {
  expect(connectionIn("manager-a", connectionOf("manager-a", 17))).toBe(17);
  for (const name of [
    "",
    "anna",
    "manager-a-",
    "manager-a-0",
    "manager-a-017",
    "manager-a-1e1",
    "manager-b-17",
    "manager-a-x",
  ])
    expect(connectionIn("manager-a", name)).toBeUndefined();
});
