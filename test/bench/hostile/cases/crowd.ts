import { type LoadOptions, load } from "../../load.ts";
import { warren } from "../../systems/contenders.ts";
import { openFilesMax } from "../../systems/usage.ts";
import {
  besides,
  compare,
  type HostileCase,
  honest,
  latencies,
  patienceSeconds,
  ratioGoal,
} from "../case.ts";

/** Files that a process has open besides its clients. */
const otherFiles = 500;

/**
 * To each of the crowd. A message keeps server and clients busy for 150 ms here. Any more of them and two cores are full, so that
 * the p99 is a queue's length, to which every further process adds, hostile or not.
 */
const messagesPerSecond = 2;

/** A message comes to all within one turn or late to all, so a hundred of them make the p99 more than the worst one. */
const durationMs = 60_000;

export const crowd: HostileCase = {
  name: "crowd",
  what: "19,000 clients, 5 % of them hostile in five ways",
  async run(setting) {
    const all = Math.min(setting.isQuick ? 3000 : 19_000, openFilesMax() - otherFiles);
    const hostile = Math.round(all * 0.05);
    const publishers = 10;
    const contender = warren("warren", "", {
      flags: ["--max-messages-per-second", "20", "--flood-timeout", "2s"],
    });
    const loading: LoadOptions = {
      patienceSeconds,
      clients: all - hostile - publishers,
      publishers,
      rate: messagesPerSecond,
      durationMs: setting.isQuick ? 4000 : durationMs,
    };
    const comparison = await compare(setting, "crowd", contender, {
      calm: ["without hostile clients", async (system) => honest(await load(system, loading))],
      attacked: [
        `with ${hostile.toLocaleString("en-US")} hostile clients`,
        (system) => besides(system, "mixed", hostile, async () => honest(await load(system, loading))),
      ],
    });
    const title = `${(all - hostile).toLocaleString("en-US")} honest clients, ${messagesPerSecond} messages/s to all`;
    return {
      measures: [latencies("crowd", title, comparison)],
      goals: [ratioGoal("a crowd, 5 % hostile", 1.5, comparison)],
    };
  },
};
