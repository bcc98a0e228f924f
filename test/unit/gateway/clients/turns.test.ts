import { expect, test } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Holds } from "../../../../src/gateway/clients/holds.ts";
import { Turns } from "../../../../src/gateway/clients/turns.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { turn } from "../../doubles/turn.ts";

/** Clients whose input is letters, each of which takes a while to obey, and the order in which all letters are obeyed. */
function table() {
  let nowMs = 0;
  let workedMs = 0;
  const holds = new Holds();
  const obeyed: string[] = [];
  const left: ClientSocket[] = [];
  const loop = new LoopTime(
    () => nowMs,
    () => workedMs,
  );
  const relay = { deliveredCount: 0, publishedCount: 0, isFull: false };
  const turns = new Turns(holds, (socket) => left.push(socket), loop, relay);
  /** @param costMs what each letter takes; `elsewhereMs`: how long other processes have the core meanwhile */
  const client = (costMs: number, neighbours = 0, audiences = neighbours > 0 ? 1 : 0, elsewhereMs = 0) => {
    const waiting: string[] = [];
    const calls: string[] = [];
    const obey = (letter: string) => {
      obeyed.push(letter);
      relay.deliveredCount += neighbours;
      relay.publishedCount += audiences;
      workedMs += costMs;
      nowMs += costMs + elsewhereMs;
    };
    const data = {
      seat: { isClosing: false },
      resumeInput: (of: ClientSocket) => {
        while (waiting.length > 0 && turns.mayContinue(of)) obey(waiting.shift()!);
        return waiting.length > 0;
      },
    };
    const socket = {
      data,
      cork: (send: () => void) => send(),
      pause: () => calls.push("pause"),
      resume: () => calls.push("resume"),
    } as unknown as ClientSocket;
    return {
      socket,
      calls,
      /** One WebSocket message for each letter, in one turn. */
      sends(letters: string) {
        for (const letter of letters) {
          if (!turns.isWaiting(socket) && turns.mayContinue(socket)) obey(letter);
          else {
            waiting.push(letter);
            turns.wait(socket);
          }
        }
      },
    };
  };
  const text = () => obeyed.join("");
  return { holds, turns, left, relay, client, text, now: () => nowMs };
}

test("what comes is obeyed at once, and nobody is paused for it", async () => {
  const { client, text } = table();
  const [anna, ben] = [client(0), client(0)];
  anna.sends("a".repeat(100));
  ben.sends("b");
  expect(text()).toBe(`${"a".repeat(100)}b`);
  await turn();
  expect([...anna.calls, ...ben.calls]).toEqual([]);
});

test("a client with much to do gets a few milliseconds of a turn, and waits with the rest, paused", () => {
  const { client, now } = table();
  const anna = client(0.1);
  anna.sends("a".repeat(10_000));
  expect(now()).toBeGreaterThan(3);
  expect(now()).toBeLessThan(6);
  expect(anna.calls).toEqual(["pause"]);
});

test("of what goes to many clients as much is obeyed at once as Bun writes as one, and as much again at the turn's end", async () => {
  const { client, text } = table();
  const [anna, ben] = [client(0, 1000), client(0, 1000)];
  anna.sends("a".repeat(30));
  ben.sends("b".repeat(50));
  expect(text()).toBe(`${"a".repeat(30)}bb`);
  await turn();
  expect(text()).toBe(`${"a".repeat(30)}${"b".repeat(34)}`);
  while (ben.calls.length < 2) await turn();
  expect(text()).toBe(`${"a".repeat(30)}${"b".repeat(50)}`);
  expect(anna.calls).toEqual([]);
});

test("after what went to hundreds of clients the clock is looked at, since that may have taken long", () => {
  const { client, text, now } = table();
  const anna = client(3, 500);
  anna.sends("a".repeat(20));
  expect([text(), now()]).toEqual(["aa", 6]);
});

test("what takes very many publishes is obeyed until there are some thousand, whatever the time, and as much at the turn's end", async () => {
  const { client, relay, text } = table();
  const anna = client(0, 500, 500);
  anna.sends("a".repeat(20));
  expect(relay.publishedCount).toBe(1500);
  await turn();
  expect(relay.publishedCount).toBe(3000);
  // Others, whose messages take few, are obeyed meanwhile.
  const ben = client(0, 1, 1);
  ben.sends("b".repeat(100));
  expect(text()).toBe("a".repeat(6) + "b".repeat(100));
});

test("nothing is obeyed while too much waits to be published, and all of it afterwards", async () => {
  const { client, text, relay } = table();
  const anna = client(0);
  relay.isFull = true;
  anna.sends("ab");
  for (let turns = 0; turns < 3; turns++) await turn();
  expect([text(), anna.calls]).toEqual(["", ["pause"]]);
  relay.isFull = false;
  await turn();
  expect([text(), anna.calls]).toEqual(["ab", ["pause", "resume"]]);
});

test("of what goes to few clients all is obeyed at once, however many messages it is", () => {
  const { client, text } = table();
  const anna = client(0, 10);
  anna.sends("a".repeat(300));
  expect(text()).toBe("a".repeat(300));
});

test("everything is obeyed in the end, in order for each client, and then they are read from again", async () => {
  const { client, text, left } = table();
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const [anna, ben] = [client(1), client(1)];
  anna.sends(letters);
  ben.sends(letters.toUpperCase());
  while (anna.calls.length + ben.calls.length < 4) await turn();
  expect(text().replaceAll(/[A-Z]/g, "")).toBe(letters);
  expect(text().replaceAll(/[a-z]/g, "")).toBe(letters.toUpperCase());
  expect([anna.calls, ben.calls]).toEqual([
    ["pause", "resume"],
    ["pause", "resume"],
  ]);
  expect(left).toEqual([]);
});

test("a turn of the event loop takes no longer, however many clients have much to do", async () => {
  const { client, now } = table();
  const clients = Array.from({ length: 50 }, () => client(0.5));
  for (const each of clients) each.sends("x".repeat(100));
  for (let beganMs = now(); clients.some(({ calls }) => calls.length < 2); beganMs = now()) {
    await turn();
    expect(now() - beganMs).toBeLessThanOrEqual(6);
  }
});

test("a client with little to do is served before those that were served already", async () => {
  const { client, text } = table();
  const hostile = Array.from({ length: 20 }, () => client(0.5));
  for (const each of hostile) each.sends("x".repeat(1000));
  for (let turns = 0; turns < 20; turns++) await turn();
  const honest = client(0);
  hostile[0]!.sends("y");
  const before = text().length;
  // The turn's time is over already, as when others of the same poll have taken it.
  const greedy = client(10);
  greedy.sends("zz");
  honest.sends("h");
  await turn();
  expect(text().slice(before).indexOf("h")).toBeLessThan(5);
  expect(text()).not.toContain("y");
});

/** Fifty clients with more input than they can be served, all of which have had much already, and the turns since then. */
async function flooded() {
  const all = table();
  const flooding = Array.from({ length: 50 }, () => all.client(0.5));
  for (const each of flooding) each.sends("x".repeat(10_000));
  for (let turns = 0; turns < 100; turns++) await turn();
  /** How many turns it takes until this letter is obeyed. */
  const turnsUntil = async (letter: string) => {
    let turns = 0;
    for (; !all.text().includes(letter); turns++) await turn();
    return turns;
  };
  return { ...all, turnsUntil };
}

test("a client with little to do is served at the turn's end while fifty flood, though some of it was obeyed as it came", async () => {
  const { client, turnsUntil } = await flooded();
  client(10).sends("g");
  await turn();
  const honest = client(5);
  honest.sends("ah");
  expect(await turnsUntil("h")).toBeLessThanOrEqual(1);
});

test("a client with little to do is served soon while fifty flood, though other processes take the core within each of its messages", async () => {
  const { client, turnsUntil } = await flooded();
  client(10).sends("g");
  const honest = client(0.05, 0, 0, 20);
  honest.sends("abcdefgh");
  expect(await turnsUntil("h")).toBeLessThanOrEqual(3);
});

test("a client with little to do is served soon while fifty flood, though something else takes long within its first message", async () => {
  const { client, turnsUntil } = await flooded();
  client(10).sends("g");
  const honest = client(3);
  honest.sends("abh");
  expect(await turnsUntil("h")).toBeLessThanOrEqual(3);
});

test("of clients with little to do a few are served in each turn, even if other processes take all of its time", async () => {
  const { client, turnsUntil } = await flooded();
  client(10).sends("g");
  const honest = Array.from({ length: 8 }, () => client(0.05, 0, 0, 20));
  for (const [index, { sends }] of honest.entries()) sends("abcdefgh"[index]!);
  expect(await turnsUntil("h")).toBeLessThanOrEqual(3);
});

test("a client that has had nothing yet is served before those that flood and have had little, too", async () => {
  const { client, text } = table();
  for (let count = 0; count < 50; count++) client(0.5).sends("x".repeat(1000));
  // As many turns as give each of them a slice, and some a second one.
  while (text().length < 120) await turn();
  for (const letter of "hijklmno") {
    const before = text().length;
    client(10).sends("g");
    client(0.05).sends(letter);
    await turn();
    expect(text().slice(before).replaceAll("g", "").indexOf(letter)).toBe(0);
  }
});

test("a client with a few messages that take longer than its slice is served all of them before those that were served before", async () => {
  const { client, text } = table();
  for (let count = 0; count < 50; count++) client(1).sends("x".repeat(1000));
  // So many letters are a slice for each of them, and a second one for a few.
  while (text().length < 60) await turn();
  const before = text().length;
  client(10).sends("g");
  client(0.2).sends("hijk");
  await turn();
  expect(text().slice(before)).toMatch(/^ghijk/);
});

/** How many turns three clients wait that have more to do than some slices, while newcomers come in each turn. */
async function waitBeside(newcomers: (client: ReturnType<typeof table>["client"]) => void) {
  const { client, text } = table();
  client(10).sends("g");
  for (const letter of "abc") client(0.5).sends(letter.repeat(12));
  let turns = 0;
  for (; turns < 300 && text().match(/[abc]/g)?.length !== 36; turns++) {
    client(10).sends("g");
    newcomers(client);
    await turn();
  }
  return turns;
}

test("those that were served already are served on, with little or with much, though newcomers take all of the time", async () => {
  const turns = await waitBeside((client) => {
    for (let count = 0; count < 20; count++) client(0.5).sends("nnn");
  });
  expect(turns).toBeLessThan(100);
});

test("those that were served already are served on, though messages of newcomers fill each batch", async () => {
  const turns = await waitBeside((client) => {
    for (let count = 0; count < 5; count++) client(0, 2000, 2000).sends("n");
  });
  expect(turns).toBeLessThan(250);
});

test("a client with much to do still has much after it was held", async () => {
  const { client, holds, text } = await flooded();
  const greedy = client(0.5);
  greedy.sends("x".repeat(1000));
  for (let turns = 0; turns < 10; turns++) await turn();
  holds.hold(greedy.socket, "rate");
  await turn();
  const before = text().length;
  client(10).sends("g");
  const honest = client(0.05);
  holds.release(greedy.socket, "rate");
  honest.sends("h");
  await turn();
  expect(text().slice(before).indexOf("h")).toBe(1);
});

test("a client that something stops is not served, and goes on where it was when that is over", async () => {
  const { client, holds, text } = table();
  const anna = client(1);
  holds.hold(anna.socket, "rate");
  anna.sends("abc");
  await turn();
  expect(text()).toBe("");
  holds.hold(anna.socket, "outbox");
  holds.release(anna.socket, "rate");
  await turn();
  expect(text()).toBe("");
  holds.release(anna.socket, "outbox");
  await turn();
  expect(text()).toBe("abc");
  expect(anna.calls).toEqual(["pause", "resume"]);
});

test("a client that is about to be closed is not served any more, and can answer", async () => {
  const { client, holds, text } = table();
  const anna = client(10);
  anna.sends("abc");
  holds.resumeForClose(anna.socket);
  await turn();
  anna.sends("d");
  expect(text()).toBe("a");
  expect(anna.calls[1]).toBe("resume");
});

test("what a client sent before it left is obeyed, and then it has left", async () => {
  const { client, turns, left, text } = table();
  const [anna, ben] = [client(1), client(10)];
  ben.sends("bb");
  anna.sends("aaa");
  expect(turns.left(anna.socket)).toBe(true);
  expect(left).toEqual([]);
  while (left.length === 0) await turn();
  expect(text().replaceAll("b", "")).toBe("aaa");
  expect(left).toEqual([anna.socket]);
});

test("a client that left with nothing to do has left at once", () => {
  const { client, turns } = table();
  const anna = client(1);
  anna.sends("a");
  expect(turns.left(anna.socket)).toBe(false);
});

test("a client that left and is closed for what it sent has left once", async () => {
  const { client, holds, turns, left } = table();
  const anna = client(10);
  anna.sends("aaa");
  turns.left(anna.socket);
  holds.resumeForClose(anna.socket);
  holds.forget(anna.socket);
  await turn();
  expect(left).toEqual([anna.socket]);
});

test("nothing waits any more when it says so, and it says in time that something does", async () => {
  const { client, turns, holds, text } = table();
  expect(await turns.settle(0)).toBe(true);
  const [anna, ben] = [client(1), client(1)];
  anna.sends("aaaaaaaaaa");
  holds.hold(ben.socket, "outbox");
  ben.sends("bbb");
  expect(await turns.settle(10)).toBe(false);
  expect(text()).toBe("aaaaaaaaaa");
  const settled = turns.settle(60_000);
  holds.release(ben.socket, "outbox");
  expect(await settled).toBe(true);
  expect(text()).toBe("aaaaaaaaaabbb");
});

test("a client that is closed while something of it waits is waited for no more", async () => {
  const { client, turns, holds } = table();
  const anna = client(1);
  holds.hold(anna.socket, "check");
  anna.sends("a");
  const settled = turns.settle(60_000);
  holds.resumeForClose(anna.socket);
  expect(await settled).toBe(true);
});
