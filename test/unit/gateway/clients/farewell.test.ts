import { expect, test } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { sayFarewell } from "../../../../src/gateway/clients/farewell.ts";
import { closeCodes } from "../../../../src/wire/close-codes.ts";

test("clients are closed with 1001 a few at a time, those that are held back too, and not all at the same instant", async () => {
  const calls: string[][] = Array.from({ length: 1200 }, () => []);
  const sockets = calls.map((said) => ({
    data: { seat: { isClosing: false } },
    resume: () => said.push("resume"),
    close: (code: number, reason: string) => said.push(`close ${code} ${reason}`),
  }));
  const closedAtPauses: number[] = [];
  await sayFarewell(sockets as unknown as ClientSocket[], undefined, (ms) => {
    expect(ms).toBeGreaterThan(0);
    closedAtPauses.push(calls.filter((said) => said.length > 0).length);
    return Promise.resolve();
  });
  expect(closedAtPauses).toEqual([500, 1000]);
  const { code, reason } = closeCodes.goingAway;
  expect(code).toBe(1001);
  for (const said of calls) expect(said).toEqual(["resume", `close 1001 ${reason}`]);
});

test("more clients are closed at a time where little time is left, and all of them at once where none is", async () => {
  const pausesOf = async (timeoutMs: number) => {
    let pausedMs = 0;
    let closed = 0;
    const socket = {
      data: { seat: { isClosing: false } },
      resume: () => undefined,
      close: () => closed++,
    } as unknown as ClientSocket;
    await sayFarewell(Array<ClientSocket>(20_000).fill(socket), timeoutMs, (ms) => {
      pausedMs += ms;
      return Promise.resolve();
    });
    expect(closed).toBe(20_000);
    return pausedMs;
  };
  expect(await pausesOf(10_000)).toBe(39 * 20);
  expect(await pausesOf(150)).toBeLessThanOrEqual(150);
  expect(await pausesOf(0)).toBe(0);
});

test("a client that is about to be closed for another reason is told that one, and can answer it", async () => {
  const said: string[] = [];
  const socket = {
    data: { seat: { isClosing: true } },
    resume: () => said.push("resume"),
    close: () => said.push("close"),
  } as unknown as ClientSocket;
  await sayFarewell([socket]);
  expect(said).toEqual(["resume"]);
});
