import { expect, test } from "bun:test";
import { Events } from "../../../src/events/events.ts";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { until } from "../../support/wait.ts";
import { EventLog } from "../doubles/event-log.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";

function managers(log: EventLog, ...names: readonly string[]) {
  return names.map((name) => {
    const events = new Events(
      name,
      { forEach: () => undefined, loop: new LoopTime() },
      new RecordingLogger(),
    );
    return { events, link: log.connect(events, 1) };
  });
}

test("a manager of which a program says that it is at its end goes on, and the others know it still", async () => {
  const log = new EventLog();
  const [one, other] = managers(log, "one", "other");
  log.tell(
    JSON.stringify({
      beat: { ...beat, manager: "other", source: other!.link.source, sources: [other!.link.source] },
    }),
  );
  expect(one!.events.others).toEqual(["other"]);
  for (let n = 0; n < 10; n++) log.tell(JSON.stringify({ settled: other!.link.source }));
  // What is said next is looked up after that.
  log.tell(JSON.stringify({ settled: one!.link.source }));
  log.fence(one!.link.source);
  await until(() => one!.link.givenUp !== undefined, "the one that was fenced gives its link up");
  expect(other!.link.givenUp).toBeUndefined();
  expect(one!.events.others).toEqual(["other"]);
  await Promise.all([one, other].map((manager) => manager!.events.close(0)));
});

const beat = { snapshotAt: 0, isSettled: false, knows: [] };
