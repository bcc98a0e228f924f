import { expect, test } from "bun:test";
import type { Attendee } from "../../../src/events/attendance.ts";
import { ScanByTurns } from "../../../src/manager/scan-by-turns.ts";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { turn } from "../doubles/turn.ts";

const clientsOf = (count: number): Attendee[] =>
  Array.from({ length: count }, (_, number) => ({
    id: `${number}`,
    protocol: "text",
    topics: () => [],
    seat: { address: undefined, connection: number },
  }));

test("very many clients are scanned in several turns of the event loop, each once, and then the scan is done", async () => {
  const clock = { ms: 0 };
  const all = clientsOf(1000);
  const seen: Attendee[] = [];
  let isDone = false;
  const see = (client: Attendee) => {
    clock.ms += 0.1;
    seen.push(client);
  };
  const scan = new ScanByTurns(new LoopTime(() => clock.ms), new Set(all), see, () => {
    isDone = true;
  });
  expect(seen).toEqual([]);
  for (let beganMs = 0; !isDone; beganMs = clock.ms) {
    await turn();
    expect(clock.ms - beganMs).toBeLessThan(7);
  }
  expect(seen).toEqual(all);
  expect(scan.tookMs).toBeCloseTo(100);
});

test("clients that have left are left out, and a scan that is stopped sees nobody", async () => {
  const [first, second, third] = clientsOf(3) as [Attendee, Attendee, Attendee];
  const seen: Attendee[] = [];
  const done: string[] = [];
  const see = (client: Attendee) => void seen.push(client);
  const scan = new ScanByTurns(new LoopTime(), new Set([first, second]), see, () => void done.push("first"));
  expect([scan.isAheadOf(second), scan.isAheadOf(third)]).toEqual([true, false]);
  scan.leaveOut(second);
  const other = new ScanByTurns(new LoopTime(), new Set([third]), see, () => void done.push("other"));
  other.stop();
  await turn();
  await turn();
  expect([seen, done, scan.isAheadOf(first)]).toEqual([[first], ["first"], false]);
});

test("where there are no clients it is done in the next turn", async () => {
  let isDone = false;
  const onDone = () => {
    isDone = true;
  };
  new ScanByTurns(new LoopTime(), new Set(), () => undefined, onDone);
  expect(isDone).toBe(false);
  await turn();
  expect(isDone).toBe(true);
});
