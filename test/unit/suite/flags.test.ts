import { expect, test } from "bun:test";
import { join } from "node:path";

const project = join(import.meta.dir, "../../..");

function run(program: string, ...args: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, join(project, program), ...args]);
  return { exitCode, stdout: stdout.toString(), lines: stderr.toString().trimEnd().split("\n") };
}

test.each(["test/faults/run.ts", "test/chaos/run.ts", "test/bench/hostile.ts"])(
  "%s tells what its flags are, and a wrong one in a line",
  (program) => {
    const help = run(program, "--help");
    expect([help.exitCode, help.lines]).toEqual([0, [""]]);
    expect(help.stdout).toContain("\n  --only ");
    const wrong = run(program, "--wrong");
    expect([wrong.exitCode, wrong.stdout]).toEqual([2, ""]);
    expect(wrong.lines).toEqual([expect.stringContaining("'--wrong'")]);
  },
);
