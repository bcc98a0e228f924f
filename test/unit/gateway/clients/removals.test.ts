import { expect, test } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { sayFarewell } from "../../../../src/gateway/clients/farewell.ts";
import { Removals } from "../../../../src/gateway/clients/removals.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { closeCodes } from "../../../../src/wire/close-codes.ts";
import { turn } from "../../doubles/turn.ts";

/** Connections that are to be closed, which takes a while each, by a clock that nothing else moves. */
function removing(count: number, eachMs: number) {
  const clock = { ms: 0 };
  const said: string[][] = Array.from({ length: count }, () => []);
  const sockets = said.map((own) => ({
    data: { seat: { isClosing: false } },
    resumed: () => own.push("resumed"),
    resume: () => own.push("resumed"),
    close: (code: number, reason: string) => {
      clock.ms += eachMs;
      own.push(`${code} ${reason}`);
    },
  }));
  const resumeForClose = (socket: unknown) => void (socket as (typeof sockets)[number]).resumed();
  const removals = new Removals(new LoopTime(() => clock.ms), { resumeForClose });
  const socketAt = (index: number) => sockets[index] as unknown as ClientSocket;
  for (const index of sockets.keys()) removals.add(socketAt(index));
  const closedCount = () => said.filter(({ length }) => length > 0).length;
  return { clock, said, sockets, removals, socketAt, closedCount };
}

const { code, reason } = closeCodes.removed;

test("thousands of connections are closed in several turns of the event loop, each once, those that are held back too", async () => {
  const { clock, said, closedCount } = removing(3000, 0.05);
  for (let turns = 0; closedCount() < 3000; turns++) {
    expect(turns).toBeLessThan(100);
    const beganMs = clock.ms;
    await turn();
    expect(clock.ms - beganMs).toBeLessThanOrEqual(5.5);
  }
  await turn();
  for (const own of said) expect(own).toEqual(["resumed", `${code} ${reason}`]);
});

test("no more than some hundred are closed in a turn, however little the clock shows of it", async () => {
  const { closedCount } = removing(1000, 0);
  await turn();
  expect(closedCount()).toBe(256);
});

test("nothing that they send is handled while they wait for that", () => {
  const { sockets } = removing(1000, 0);
  for (const { data } of sockets) expect(data.seat.isClosing).toBe(true);
});

test("one that has ended meanwhile is left alone", async () => {
  const { removals, said, socketAt } = removing(2, 0);
  removals.forget(socketAt(0));
  await turn();
  expect(said).toEqual([[], ["resumed", `${code} ${reason}`]]);
});

test("those that wait are told so, and not that the manager stops, where it does so in the same turn", async () => {
  const { removals, said, sockets } = removing(600, 1);
  await sayFarewell(sockets as unknown as ClientSocket[], 0);
  removals.finish();
  for (const own of said) expect(own.filter((word) => word !== "resumed")).toEqual([`${code} ${reason}`]);
  await turn();
  await turn();
  for (const own of said) expect(own.filter((word) => word !== "resumed")).toHaveLength(1);
});
