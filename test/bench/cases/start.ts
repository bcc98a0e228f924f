import { executable } from "../../support/executable.ts";
import { freePorts } from "../../support/free-port.ts";
import { forgetProcess, killAtExit } from "../../support/leftovers.ts";
import type { Case } from "../setting.ts";
import { withoutWarren } from "../systems/environment.ts";

const spawns = 15;
const startMsMax = 10_000;

/** How long the executable with the embedded broker takes from its start until it is ready. */
export const start: Case = {
  name: "start",
  what: "the executable's start to /readyz 200, embedded broker",
  isQuick: true,
  async run(setting) {
    const path = await executable();
    const samples: number[] = [];
    const failures: string[] = [];
    // The first start is not counted, since it reads the file into memory.
    for (let spawn = 0; spawn <= spawns; spawn++) {
      try {
        const ms = await startMs(path);
        if (spawn > 0) samples.push(ms);
      } catch (error) {
        failures.push(String(error));
      }
    }
    setting.say(`start  warren: ${samples.map((ms) => ms.toFixed(0)).join(" ")} ms`);
    const series = [{ contender: "warren", samples, failures }];
    return [
      { name: "start", title: "Start of the executable to /readyz 200, embedded broker", unit: "ms", series },
    ];
  },
};

async function startMs(path: string): Promise<number> {
  const [port] = freePorts(1) as [number];
  const startedMs = performance.now();
  const child = Bun.spawn([path, "--port", `${port}`], {
    env: withoutWarren(),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  killAtExit(child.pid);
  try {
    while (performance.now() - startedMs < startMsMax) {
      const isReady = await fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isReady) return performance.now() - startedMs;
      await Bun.sleep(1);
    }
    throw new Error(`not ready within ${startMsMax} ms`);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    forgetProcess(child.pid);
  }
}
