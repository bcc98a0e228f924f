import { expect, test } from "bun:test";
import { commandBytesMax } from "../../../src/control/command.ts";
import { WaitingCommands, waitingMax } from "../../../src/control/waiting-commands.ts";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { turn } from "../doubles/turn.ts";

/** Commands that each take some milliseconds, and a clock that only goes on while they are obeyed. */
function commandsOf(costMs: number) {
  const clock = { ms: 0 };
  const loop = new LoopTime(() => clock.ms);
  const obeyed: string[] = [];
  const dropped = { count: 0 };
  const commands = new WaitingCommands(
    (body) => {
      clock.ms += costMs;
      const text = Buffer.from(body).toString();
      obeyed.push(text);
      return text === "nonsense" ? undefined : { obeyed: text };
    },
    () => loop,
    () => dropped.count++,
  );
  return { clock, commands, obeyed, dropped };
}

test("very many costly commands are obeyed in many turns of the event loop, in order, and answered", async () => {
  const { clock, commands, obeyed } = commandsOf(2);
  const answers: string[] = [];
  for (let number = 0; number < 100; number++)
    commands.add(Buffer.from(`${number}`), (body) => answers.push(body));
  expect(obeyed).toEqual([]);
  for (let beganMs = clock.ms; obeyed.length < 100; beganMs = clock.ms) {
    await turn();
    expect(clock.ms - beganMs).toBeLessThanOrEqual(5 + 2);
  }
  expect(obeyed).toEqual(Array.from({ length: 100 }, (_, number) => `${number}`));
  expect(answers).toEqual(obeyed.map((text) => JSON.stringify({ obeyed: text })));
});

test("more than may wait are dropped, and there is room again when some were obeyed", async () => {
  const { commands, obeyed, dropped } = commandsOf(10);
  for (let number = 0; number < waitingMax + 5; number++) commands.add(Buffer.from("{}"), undefined);
  expect(dropped.count).toBe(5);
  await turn();
  commands.add(Buffer.from("{}"), undefined);
  expect(dropped.count).toBe(5);
  commands.close();
  const { length } = obeyed;
  await turn();
  expect(obeyed.length).toBe(length);
});

test("what is large has room for a few, and of what is too large to be a command no more is kept than that", async () => {
  const { commands, obeyed, dropped } = commandsOf(0);
  const large = Buffer.alloc(1024 ** 2, "x");
  for (let number = 0; number < 20; number++) commands.add(large, undefined);
  expect(dropped.count).toBe(5);
  await turn();
  expect(obeyed.map(({ length }) => length)).toEqual(new Array(15).fill(commandBytesMax + 1));
});

test("what is no command has no answer", async () => {
  const { commands } = commandsOf(1);
  const answers: string[] = [];
  commands.add(Buffer.from("nonsense"), (body) => answers.push(body));
  await turn();
  expect(answers).toEqual([]);
});

test("a command that takes several turns holds up no other, and no more than eight of them are executed at a time", async () => {
  const loop = new LoopTime();
  const slow: ((said: object) => void)[] = [];
  const obeyed: string[] = [];
  const answers: string[] = [];
  const commands = new WaitingCommands(
    (body) => {
      const text = Buffer.from(body).toString();
      obeyed.push(text);
      return text === "slow" ? new Promise<object>((resolve) => void slow.push(resolve)) : { text };
    },
    () => loop,
    () => undefined,
  );
  const add = (text: string) => commands.add(Buffer.from(text), (body) => answers.push(body));
  add("slow");
  add("quick");
  await turn();
  expect(answers).toEqual(['{"text":"quick"}']);
  for (let count = 0; count < 8; count++) add("slow");
  add("quick");
  for (let turns = 0; turns < 5; turns++) await turn();
  expect([slow.length, answers.length]).toEqual([8, 1]);
  slow[3]!({ text: "slow" });
  for (let turns = 0; slow.length < 9; turns++) {
    expect(turns).toBeLessThan(100);
    await turn();
  }
  expect(obeyed).toHaveLength(10);
  slow[0]!({ text: "slow" });
  for (let turns = 0; answers.length < 4; turns++) {
    expect(turns).toBeLessThan(100);
    await turn();
  }
  expect(answers.at(-1)).toBe('{"text":"quick"}');
});
