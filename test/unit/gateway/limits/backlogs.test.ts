import { expect, test } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Holds } from "../../../../src/gateway/clients/holds.ts";
import { Roster } from "../../../../src/gateway/clients/roster.ts";
import { Seat } from "../../../../src/gateway/clients/seat.ts";
import { TimerWheel } from "../../../../src/gateway/clients/timer-wheel.ts";
import { Backlogs } from "../../../../src/gateway/limits/backlogs.ts";
import { endRoomFor } from "../../../../src/gateway/limits/room.ts";
import { turn } from "../../doubles/turn.ts";
import { makeWheelClock } from "../../doubles/wheel-clock.ts";

const { pass, spend } = makeWheelClock();

const kibibyte = 1024;
const cap = 4096 * kibibyte;
/** So much may be sent before everybody is looked at. */
const step = 1024 * kibibyte;

function room(
  clientBufferBytes = cap,
  memoryMaxBytes = Number.POSITIVE_INFINITY,
  atEnd: ClientSocket[] = [],
) {
  const roster = new Roster();
  const holds = new Holds();
  const end = {
    get count() {
      return atEnd.length;
    },
    sockets: () => atEnd,
  };
  const backlogs = new Backlogs(
    { clientBufferBytes, largestBytes: clientBufferBytes, memoryMaxBytes, atEnd: () => end },
    new TimerWheel(),
    holds,
    roster,
  );
  const connect = (isPatient = false) => {
    const client = {
      waiting: 0,
      kept: 0,
      looks: 0,
      keptLooks: 0,
      fallbacks: 0,
      isCutOff: false,
      closedWith: 0,
      isPaused: false,
      keys: ["a", "b"],
    };
    const leave = () => {
      roster.delete(socket);
      backlogs.forget(socket);
    };
    const socket = {
      data: {
        seat: new Seat(undefined),
        get keptBytes() {
          client.keptLooks++;
          return client.kept;
        },
        isPatient,
        fallBehind: () => {
          client.fallbacks++;
        },
      },
      get subscriptions() {
        return [...client.keys];
      },
      unsubscribe: (key: string) => client.keys.splice(client.keys.indexOf(key), 1),
      getBufferedAmount: () => {
        client.looks++;
        return client.waiting;
      },
      terminate: () => {
        client.isCutOff = true;
        leave();
      },
      close: (code: number) => {
        expect(client.isPaused).toBe(false);
        client.closedWith = code;
        leave();
      },
      pause: () => {
        client.isPaused = true;
      },
      resume: () => {
        client.isPaused = false;
      },
    } as unknown as ClientSocket;
    roster.add(socket);
    return Object.assign(client, { hold: () => holds.hold(socket, "rate"), socket });
  };
  const cutOffs = (cause = "slow") => {
    const [metric] = backlogs.metrics;
    return Object.fromEntries("readEach" in metric! ? metric.readEach() : [])[cause];
  };
  return { backlogs, connect, cutOffs };
}

test("a client for which more than the cap waits is cut off, and counted; one at the cap is not", async () => {
  const { backlogs, connect, cutOffs } = room();
  const [slow, full, quick] = [connect(), connect(), connect()];
  slow.waiting = cap + 1;
  full.waiting = cap;
  backlogs.sent(step);
  await turn();
  expect([slow, full, quick].map(({ isCutOff }) => isCutOff)).toEqual([true, false, false]);
  expect(cutOffs()).toBe(1);
});

test("nothing more is published to one that is going to be cut off, which is after what is being read just now", async () => {
  const { backlogs, connect } = room();
  const slow = connect();
  slow.waiting = cap + 1;
  backlogs.sent(step);
  expect(slow).toMatchObject({ keys: [], isCutOff: false });
  // Twice in a turn changes nothing.
  backlogs.sent(step);
  await turn();
  expect(slow).toMatchObject({ keys: [], isCutOff: true });
});

test("no client is checked before one could be beyond the cap", () => {
  const { backlogs, connect } = room();
  const client = connect();
  for (let sent = 0; sent < step - kibibyte; sent += kibibyte) backlogs.sent(kibibyte);
  expect(client.looks).toBe(0);
  backlogs.sent(kibibyte);
  expect(client.looks).toBe(1);
  backlogs.sent(step);
  expect(client.looks).toBe(2);
});

test("what the network has taken of what was written to one client has nobody looked at, but in a quarter of a second", () => {
  const { backlogs, connect } = room();
  const client = connect();
  for (let written = 0; written < 100; written++) backlogs.sent(0);
  expect(client.looks).toBe(0);
  backlogs.sent(step - 1);
  expect(client.looks).toBe(0);
  backlogs.sent(1);
  expect(client.looks).toBe(1);
  backlogs.sent(0);
  pass(250);
  expect(client.looks).toBe(2);
});

test("what little was sent is looked at in a quarter of a second", () => {
  const { backlogs, connect } = room();
  const client = connect();
  pass(1000);
  expect(client.looks).toBe(0);
  backlogs.sent(1);
  pass(250);
  expect(client.looks).toBe(1);
  // And a few times more, until what is kept has been asked.
  pass(750);
  expect(client.looks).toBe(4);
  pass(1000);
  expect(client.looks).toBe(4);
});

test("what is kept for clients is asked when more is kept, and within a second after anything was sent, however much that was", () => {
  const { backlogs, connect } = room();
  const client = connect();
  for (let sent = 0; sent < 50; sent++) backlogs.sent(step);
  expect(client).toMatchObject({ looks: 50, keptLooks: 0 });
  pass(1000);
  expect(client.keptLooks).toBe(1);
  pass(1000);
  expect(client.keptLooks).toBe(1);
  backlogs.kept(step - 1);
  expect(client.keptLooks).toBe(1);
  backlogs.kept(1);
  expect(client.keptLooks).toBe(2);
  backlogs.kept(1);
  pass(250);
  expect(client.keptLooks).toBe(3);
});

test("durable subscriptions go on from the log long before the cap, and are not cut off for what was published to them", async () => {
  for (const clientBufferBytes of [16, 64, 128, 4096].map((size) => size * kibibyte)) {
    const { backlogs, connect, cutOffs } = room(clientBufferBytes);
    const client = connect(true);
    client.waiting = endRoomFor(clientBufferBytes);
    backlogs.sent(step);
    expect(client.fallbacks).toBe(0);
    client.waiting = clientBufferBytes + 32 * 16 * kibibyte;
    backlogs.sent(step);
    expect(client.fallbacks).toBe(1);
    await turn();
    expect(cutOffs()).toBe(0);
    backlogs.close();
  }
});

test("a client at the log's end is looked at when its room may be taken, twenty times a second at most", () => {
  const atEnd: ClientSocket[] = [];
  const { backlogs, connect } = room(cap, Number.POSITIVE_INFINITY, atEnd);
  const client = connect(true);
  backlogs.sent(endRoomFor(cap));
  expect(client.looks).toBe(0);
  atEnd.push(client.socket);
  backlogs.sent(1);
  expect(client.looks).toBe(1);
  for (let sent = 0; sent < step / 2; sent += endRoomFor(cap)) backlogs.sent(endRoomFor(cap));
  expect(client.looks).toBe(1);
  spend(50);
  expect(client.looks).toBe(1);
  backlogs.sent(1);
  expect(client.looks).toBe(2);
  spend(50);
  backlogs.sent(endRoomFor(cap) - 1);
  expect(client.looks).toBe(2);
});

test("a client that has left the log's end is not looked at each time that those at the end are", () => {
  const atEnd: ClientSocket[] = [];
  const { backlogs, connect } = room(cap, Number.POSITIVE_INFINITY, atEnd);
  const [slow, quick] = [connect(true), connect(true)];
  slow.waiting = 2 * endRoomFor(cap);
  quick.waiting = 2 * endRoomFor(cap);
  atEnd.push(quick.socket);
  backlogs.sent(endRoomFor(cap));
  expect(quick).toMatchObject({ looks: 1, fallbacks: 1 });
  expect(slow).toMatchObject({ looks: 0, fallbacks: 0 });
  backlogs.sent(step);
  expect(slow).toMatchObject({ looks: 1, fallbacks: 1 });
});

test("a client with many subscriptions at the log's end is looked at once", () => {
  const atEnd: ClientSocket[] = [];
  const { backlogs, connect } = room(cap, Number.POSITIVE_INFINITY, atEnd);
  const client = connect(true);
  for (let count = 0; count < 25; count++) atEnd.push(client.socket);
  backlogs.sent(endRoomFor(cap));
  expect(client.looks).toBe(1);
});

test("a client with durable subscriptions that does not read what it asks for is cut off in the end", async () => {
  const { backlogs, connect, cutOffs } = room();
  const client = connect(true);
  client.waiting = 10 * cap;
  backlogs.sent(step);
  await turn();
  expect(client.isCutOff).toBe(true);
  expect(cutOffs()).toBe(1);
});

test("beyond what may be kept for all clients, those with the most are disconnected, and told why if that can reach them", async () => {
  const { backlogs, connect, cutOffs } = room(cap, 10_000 * kibibyte);
  const [little, unread, unfinished, held] = [connect(), connect(), connect(), connect()];
  little.kept = 900 * kibibyte;
  unread.waiting = cap;
  unfinished.kept = 3000 * kibibyte;
  held.kept = 2000 * kibibyte;
  held.hold();
  backlogs.kept(step);
  await turn();
  const ends = () =>
    [little, unread, unfinished, held].map(({ isCutOff, closedWith }) => (isCutOff ? 1006 : closedWith));
  expect(ends()).toEqual([0, 0, 0, 0]);
  unfinished.kept = 4000 * kibibyte;
  backlogs.kept(step);
  await turn();
  expect(ends()).toEqual([0, 1006, 0, 0]);
  expect(cutOffs("memory")).toBe(1);
  little.kept = 9000 * kibibyte;
  held.kept = 9000 * kibibyte;
  backlogs.kept(step);
  await turn();
  expect(ends()).toEqual([4507, 1006, 0, 4507]);
  expect([cutOffs("memory"), cutOffs("slow")]).toEqual([3, 0]);
});

test("after the end nobody is cut off", async () => {
  const { backlogs, connect } = room();
  const slow = connect();
  slow.waiting = cap + 1;
  backlogs.sent(step);
  backlogs.close();
  await turn();
  expect(slow.isCutOff).toBe(false);
});
