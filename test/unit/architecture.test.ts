import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** The layers, as ARCHITECTURE.md has them: its two tables are what is tested here. */

const root = join(import.meta.dir, "../..");
const map = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");

interface Import {
  readonly from: string;
  readonly to: string;
}

/** By room, those that it may import. */
const allowed = new Map(
  rowsAfter("| Room |").map(([room, others]) => [namesIn(room!)[0]!, new Set(namesIn(others!))] as const),
);
/** By the path of a room that has folders, its steps from the lowest to the highest: what stands on each of them. */
const steps = new Map(
  rowsAfter("| Room with folders |").map(
    ([room, order]) => [pathOf(namesIn(room!)[0]!), order!.split("→").map(namesIn)] as const,
  ),
);

/** A file in src/ or static/ has fewer lines than this. */
const linesMax = 250;

const files = ["src", "static"].flatMap((folder) =>
  [...new Bun.Glob("**/*.ts").scanSync(join(root, folder))].map((path) => `${folder}/${path}`),
);
const imports: readonly Import[] = files.flatMap(importsOf);
const foreign = imports.filter(({ from, to }) => {
  const room = roomOf(from);
  return room !== roomOf(to) && allowed.get(room)?.has(roomOf(to)) !== true;
});

test("every file is in a room that ARCHITECTURE.md knows", () => {
  expect(files.length).toBeGreaterThan(200);
  expect(files.filter((file) => !allowed.has(roomOf(file)))).toEqual([]);
  const inhabited = new Set(files.map(roomOf));
  expect([...allowed.keys()].filter((room) => !inhabited.has(room))).toEqual([]);
});

test("a room may import only rooms that there are", () => {
  const named = [...allowed.values()].flatMap((others) => [...others]);
  expect(named.filter((room) => !allowed.has(room))).toEqual([]);
});

test("no room is imported by one that may not use it", () => {
  expect(imports.length).toBeGreaterThan(500);
  expect(foreign).toEqual([]);
});

test("every room that has folders has its order, with each folder in it once", () => {
  const housed = new Map<string, Set<string>>();
  for (const file of files)
    for (const [room, inhabitant] of placesOf(file))
      housed.set(room, (housed.get(room) ?? new Set()).add(inhabitant));
  const withFolders = [...housed].filter(([room, { size }]) => room !== "src" && size > 1);
  expect(withFolders.length).toBeGreaterThan(5);
  const named = [...steps].map(([room, order]) => [room, order.flat().sort()]);
  expect(named.sort()).toEqual(
    withFolders.map(([room, inhabitants]) => [room, [...inhabitants].sort()]).sort(),
  );
});

test("a folder of a room imports only those on the steps below its own", () => {
  expect(imports.filter(climbs)).toEqual([]);
});

test("an import of the same step, or of a higher one, is found", () => {
  const own = "src/gateway/clients/seat.ts";
  expect(climbs({ from: own, to: "src/gateway/limits/limits.ts" })).toBe(true);
  expect(climbs({ from: "src/gateway/text/text.ts", to: "src/gateway/stomp/stomp.ts" })).toBe(true);
  expect(climbs({ from: own, to: "src/gateway/gateway.ts" })).toBe(true);
  expect(climbs({ from: "src/gateway/limits/limits.ts", to: own })).toBe(false);
  expect(climbs({ from: "src/gateway/clients/client.ts", to: own })).toBe(false);
});

test("gateway/ names STOMP in stomp/ and the list of protocols alone, also in comments", () => {
  const core = files.filter((file) => /^src\/gateway\/(?!stomp\/)/.test(file));
  expect(core.length).toBeGreaterThan(50);
  const naming = core.filter((file) => /stomp/i.test(readFileSync(join(root, file), "utf8")));
  expect(naming).toEqual(["src/gateway/protocols.ts"]);
});

test("rooms that may import one another form no circle", () => {
  expect(circleAmong(allowed)).toBeUndefined();
});

test("files import one another in no circle, also of types", () => {
  const byFile = new Map(files.map((file) => [file, new Set<string>()] as const));
  for (const { from, to } of imports) byFile.get(from)!.add(to);
  expect(circleAmong(byFile)).toBeUndefined();
});

test("a circle is found", () => {
  const rooms = { a: ["b"], b: ["c"], c: ["d", "b"], d: [] };
  expect(circleAmong(new Map(Object.entries(rooms).map(([room, to]) => [room, new Set(to)])))).toEqual([
    "b",
    "c",
    "b",
  ]);
});

test("every file that ARCHITECTURE.md names is there", () => {
  const named = [...map.matchAll(/`((?:src|static|test)\/[\w./-]+)`/g)].map(([, path]) => path!);
  expect(named.length).toBeGreaterThan(25);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test(`every file in src/ and static/ has fewer than ${linesMax} lines, without exception`, () => {
  const long = files
    .map((file) => ({ file, lines: readFileSync(join(root, file), "utf8").split("\n").length - 1 }))
    .filter(({ lines }) => lines >= linesMax);
  expect(long).toEqual([]);
});

/** The cells of the table whose head begins so. */
function rowsAfter(head: string): string[][] {
  const [, table] = map.split(`\n${head}`);
  if (table === undefined) throw new Error(`ARCHITECTURE.md has no table that begins with "${head}"`);
  const lines = table.split("\n").slice(2);
  const end = lines.findIndex((line) => !line.startsWith("|"));
  return lines.slice(0, end).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

/** The room in which a file is; `ground` for what lies in src/ itself, but for main.ts. */
function roomOf(path: string): string {
  if (path.startsWith("static/")) return "static";
  if (path === "src/main.ts") return "main";
  const folders = path.split("/").slice(1, -1);
  return folders[0] ?? "ground";
}

/** Where a room is, by its name in ARCHITECTURE.md. */
function pathOf(room: string): string {
  return room.split("/")[0] === "static" ? room : `src/${room}`;
}

/** The rooms that a file is in, each with where in it: a folder, or the room's own name for what lies in no folder of it. */
function placesOf(file: string): (readonly [room: string, inhabitant: string])[] {
  const folders = file.split("/").slice(0, -1);
  return folders.map((name, depth) => [folders.slice(0, depth + 1).join("/"), folders[depth + 1] ?? name]);
}

/** Whether an import within a room goes to a folder that is not on a step below. */
function climbs({ from, to }: Import): boolean {
  const there = new Map(placesOf(to));
  return placesOf(from).some(([room, inhabitant]) => {
    const other = there.get(room);
    const order = steps.get(room);
    if (order === undefined || other === undefined || other === inhabitant) return false;
    const stepOf = (name: string) => order.findIndex((step) => step.includes(name));
    return stepOf(other) >= stepOf(inhabitant);
  });
}

/** What a file imports of this project's sources, also types, also when it runs. */
function importsOf(from: string): Import[] {
  const source = readFileSync(join(root, from), "utf8");
  return [...source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g)]
    .map(([, path]) => ({ from, to: normalize(join(dirname(from), path!)) }))
    .filter(({ to }) => /^(src|static)\//.test(to));
}

/** Names of rooms or files of which each may import the next, beginning and ending with the same one; undefined if there are none. */
function circleAmong(all: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined {
  const cleared = new Set<string>();
  const visit = (room: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(room)) return [...path.slice(path.indexOf(room)), room];
    if (cleared.has(room)) return undefined;
    for (const next of all.get(room) ?? []) {
      const circle = visit(next, [...path, room]);
      if (circle !== undefined) return circle;
    }
    cleared.add(room);
    return undefined;
  };
  for (const room of all.keys()) {
    const circle = visit(room, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
