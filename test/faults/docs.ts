import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { type Row, table } from "./row.ts";

const path = join(projectFolder, "docs", "reliability.md");
const [begin, end] = ["<!-- faults -->", "<!-- /faults -->"];

/** Writes the rows into docs/reliability.md. */
export async function writeToDocs(rows: readonly Row[]): Promise<void> {
  const text = await Bun.file(path).text();
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no ${begin} … ${end}`);
  await Bun.write(path, `${text.slice(0, from)}${begin}\n\n${table(rows)}\n\n${text.slice(to)}`);
}
