import { expect, test } from "bun:test";
import { Endings } from "../../../../src/gateway/clients/endings.ts";

test("connections that ended are counted by code, and those with a client's own code together", () => {
  const endings = new Endings();
  for (const code of [1001, 1001, 4429, 3999, 4998, 1005]) endings.count(code);
  expect(Object.fromEntries(endings.metric.readEach())).toMatchObject({
    1001: 2,
    4429: 1,
    4408: 0,
    other: 3,
  });
});
