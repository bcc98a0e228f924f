import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Known security holes in what bun.lock names. The registry is asked; where it does not answer, the list in advisories.json
 * is, which knows what was public on the day that it names. Exits with 1 if there is a hole, or neither could be asked.
 */
interface Advisories {
  /** The day on which the list was last compared with what is public. */
  readonly reviewed: string;
  readonly advisories: readonly {
    readonly id: string;
    readonly package: string;
    /** The versions that have the hole, as semver ranges. */
    readonly vulnerable: string;
    readonly what: string;
  }[];
}

const asked = Bun.spawnSync([process.execPath, "audit"], { stdout: "pipe", stderr: "pipe" });
const answer = `${asked.stdout}${asked.stderr}`.trim();
process.stdout.write(`${answer}\n`);
if (!/^error: /m.test(answer)) process.exit(asked.exitCode);

const here = import.meta.dirname;
const { reviewed, advisories } = JSON.parse(
  readFileSync(join(here, "advisories.json"), "utf8"),
) as Advisories;
const lock = readFileSync(join(here, "../bun.lock"), "utf8");
const locked = [...lock.matchAll(/^ {4}"[^"]+": \["(@?[^@"]+)@([^"]+)"/gm)].map(([, name, version]) => ({
  name: name!,
  version: version!,
}));
if (locked.length === 0) throw new Error("bun.lock names no package: has its format changed?");
const holes = locked.flatMap(({ name, version }) =>
  advisories
    .filter((advisory) => advisory.package === name && Bun.semver.satisfies(version, advisory.vulnerable))
    .map(({ id, what }) => `${name} ${version}: ${id}, ${what}`),
);
for (const hole of holes) process.stdout.write(`${hole}\n`);
process.stdout.write(
  `The registry does not answer. ${locked.length} packages were compared with .ci/advisories.json of ${reviewed}: ${holes.length} with holes.\n`,
);
process.exit(holes.length > 0 ? 1 : 0);
