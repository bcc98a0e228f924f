import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../../../../build/compile.ts";
import { refusals } from "../../../../src/gateway/guards/refusals.ts";
import { statuses } from "../../../../src/gateway/http/http.ts";

const read = (...path: string[]) => readFileSync(join(projectFolder, ...path), "utf8");
const inOrder = (found: Iterable<number>) => [...new Set(found)].sort((one, other) => one - other);
const nobodyHears = 499;

test("what clients without WebSocket are answered is in the docs, status by status, and nothing else is", () => {
  const [, section = ""] = /^## Without WebSocket$(.*?)^## /ms.exec(read("docs/protocol.md")) ?? [];
  const documented = [...section.matchAll(/(?<![\d.,])[2-5]\d\d(?!\d|,\d)/g)].map(([status]) =>
    Number(status),
  );
  expect(inOrder([...documented, nobodyHears])).toEqual(inOrder(statuses));
});

test("every status in the source of what answers them is one that is counted", () => {
  const folder = "src/gateway/http";
  const given = readdirSync(join(projectFolder, folder)).flatMap((file) =>
    [...read(folder, file).matchAll(/(?:fault\(|later\(|status: ?|,\s*)([2-5]\d\d)\b/g)].map(([, status]) =>
      Number(status),
    ),
  );
  const known = new Set<number>(statuses);
  expect(given.length).toBeGreaterThan(20);
  expect(given.filter((status) => !known.has(status))).toEqual([]);
  // What the entrance refuses it refuses here too, all but a WebSocket client that is none.
  const refused = Object.values(refusals).map(({ status }) => status);
  expect(refused.filter((status) => !known.has(status) && status !== refusals.notWebSocket.status)).toEqual(
    [],
  );
});
