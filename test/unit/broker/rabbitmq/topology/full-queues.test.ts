import { describe, expect, test } from "bun:test";
import { FullQueues } from "../../../../../src/broker/rabbitmq/topology/full-queues.ts";
import type { QueueDepth } from "../../../../../src/broker/rabbitmq/topology/queue-inspector.ts";
import { makeFakeClock } from "../../../doubles/fake-clock.ts";
import { RecordingLogger } from "../../../doubles/recording-logger.ts";

const clock = makeFakeClock();
const timing = { lookEveryMs: 1000, tryFirstMs: 10_000, calmMs: 5000 };

const passUntil = (promise: Promise<void>) => clock.passUntil(promise, timing.lookEveryMs);

describe("a refusal", () => {
  test("may be one connection's fault at first, and is none's when another one sees it too", () => {
    const full = new FullQueues(new RecordingLogger(), () => 0, timing);
    const [one, other] = [{}, {}];
    expect(full.refused(one, 0)).toBe(false);
    expect(full.refused(one, 1000)).toBe(false);
    expect(full.refused(other, 2000)).toBe(true);
  });

  test("long after another has nothing to do with it", () => {
    const full = new FullQueues(new RecordingLogger(), () => 0, timing);
    expect(full.refused({}, 0)).toBe(false);
    expect(full.refused({}, 120_001)).toBe(false);
  });
});

describe("a full queue", () => {
  const queues = ["wsmanager.log", "wsmanager.busy", "wsmanager.left"];
  const depth = (queue: string, messages: number, consumers: number): QueueDepth => ({
    queue,
    messages,
    consumers,
  });

  /** Waits for room while the queues are seen like this, one time after the other, and this one refuses what it is sent. */
  function roomWhile(refusing: string, ...seen: readonly (readonly QueueDepth[])[]) {
    const logger = new RecordingLogger();
    const full = new FullQueues(logger, () => 7, timing);
    const asked: (readonly string[])[] = [];
    const tried: string[] = [];
    const left = [...seen];
    const known = [...queues];
    const look = {
      depths(names: readonly string[]) {
        asked.push(names);
        return Promise.resolve(left.shift() ?? []);
      },
      refuses(queue: string) {
        tried.push(queue);
        return Promise.resolve(queue === refusing);
      },
    };
    const room = full.room(
      "wsmanager",
      () => known,
      look,
      () => left.length === 0 && asked.length > seen.length,
    );
    return { full, logger, look, asked, tried, known, room };
  }

  test("is named, with its group, who consumes it, and what to do", async () => {
    const { full, room, asked } = roomWhile(
      "wsmanager.left",
      [depth("wsmanager.busy", 5, 2), depth("wsmanager.left", 100, 0)],
      [depth("wsmanager.left", 90, 0)],
    );
    await passUntil(room);
    expect(asked[0]).toEqual(["wsmanager.busy", "wsmanager.left"]);
    expect(full.waiting?.queue).toBe("wsmanager.left");
    expect(full.waiting?.why).toBe(
      "the queue wsmanager.left of the group left is full with 100 messages, and nobody consumes it: " +
        "start a processor (--group left), or remove the group if it was abandoned: warren groups remove left",
    );
  });

  test("is the one that refuses, though others have more messages", async () => {
    const seen = [depth("wsmanager.busy", 500, 2), depth("wsmanager.left", 3, 0)];
    const { full, room, tried } = roomWhile("wsmanager.left", seen, []);
    await passUntil(room);
    expect(full.waiting?.queue).toBe("wsmanager.left");
    expect(tried).toEqual(["wsmanager.busy", "wsmanager.left"]);
  });

  test("that nobody here has heard of is not taken for one of those that are known", async () => {
    const seen = [depth("wsmanager.busy", 500, 2), depth("wsmanager.left", 0, 0)];
    const { full, room, tried } = roomWhile("wsmanager.unknown", seen, []);
    await passUntil(room);
    expect(full.waiting?.queue).toBeUndefined();
    expect(full.waiting?.why).toInclude("rabbitmqctl list_queues name state messages consumers shows which");
    expect(tried).toEqual(["wsmanager.busy", "wsmanager.left"]);
  });

  test("that is empty is down if it refuses and nobody consumes it, and is not said to be full", async () => {
    const seen = [
      depth("wsmanager.busy", 500, 2),
      depth("wsmanager.idle", 0, 2),
      depth("wsmanager.left", 0, 0),
    ];
    const { full, room, tried, logger } = roomWhile("wsmanager.left", seen, []);
    await passUntil(room);
    expect(tried).toEqual(["wsmanager.busy", "wsmanager.left"]);
    expect(full.waiting?.queue).toBeUndefined();
    expect(full.waiting?.why).toMatch(
      /^RabbitMQ has the queue wsmanager\.left and does not serve it: .* restart RabbitMQ's node \(rabbitmqctl stop_app, then start_app\)/,
    );
    expect(logger.lines[0]?.message).toBe("a queue is down: what is published waits");
  });

  test("of dead letters that is empty is asked nothing, since the question would stay in it", async () => {
    const { full, room, tried } = roomWhile("wsmanager.dead", [depth("wsmanager.dead", 0, 0)], []);
    await passUntil(room);
    expect(tried).toEqual([]);
    expect(full.waiting?.why).toInclude("is full, or down");
  });

  test("that was down is tried when somebody consumes it again, or when it has gone", async () => {
    const down = depth("wsmanager.left", 0, 0);
    const up = roomWhile("wsmanager.left", [down], [down], [depth("wsmanager.left", 0, 1)]);
    await passUntil(up.room);
    expect(up.asked.length).toBe(3);
    const gone = roomWhile("wsmanager.left", [down], []);
    await passUntil(gone.room);
    expect(gone.asked.length).toBe(2);
  });

  test("is named as soon as its group is heard of, and no other one is asked twice", async () => {
    const busy = depth("wsmanager.busy", 500, 2);
    const late = depth("wsmanager.late", 7, 0);
    const { full, room, tried, asked, known, logger } = roomWhile(
      "wsmanager.late",
      [busy],
      [busy],
      [busy, late],
      [late],
    );
    known.push("wsmanager.late");
    await passUntil(room);
    expect(full.waiting?.queue).toBe("wsmanager.late");
    expect(tried).toEqual(["wsmanager.busy", "wsmanager.late"]);
    expect(asked.slice(2, 4)).toEqual([
      ["wsmanager.busy", "wsmanager.left", "wsmanager.late"],
      ["wsmanager.late"],
    ]);
    expect(logger.lines[1]?.message).toBe("the queue that is full was found");
  });

  test("that is known is looked at alone, whatever becomes of the others", async () => {
    const busy = depth("wsmanager.busy", 500, 2);
    const full = depth("wsmanager.left", 600, 0);
    const { room, asked } = roomWhile("wsmanager.left", [busy, full], [depth("wsmanager.left", 599, 0)], []);
    await passUntil(room);
    expect(asked.slice(1)).toEqual([["wsmanager.left"], ["wsmanager.left"]]);
  });

  test("has room when a sixteenth has gone, or the queue has", async () => {
    const many = depth("wsmanager.left", 160, 1);
    const { asked, room } = roomWhile(
      "wsmanager.left",
      [many],
      [depth("wsmanager.left", 150, 1)],
      [depth("wsmanager.left", 149, 1)],
    );
    await passUntil(room);
    expect(asked.length).toBe(3);
    const gone = roomWhile("wsmanager.left", [many], []);
    await passUntil(gone.room);
    expect(gone.asked.length).toBe(2);
  });

  test("is waited for until a message is taken, and not while it is looked at", async () => {
    const { full, room, logger } = roomWhile("wsmanager.busy", [depth("wsmanager.busy", 5, 2)], []);
    full.taken();
    expect(full.waiting).toBeDefined();
    await passUntil(room);
    expect(full.waiting?.why).toInclude("its 2 consumers are too slow");
    full.taken();
    expect(full.waiting).toBeUndefined();
    clock.step(timing.calmMs);
    expect(logger.lines.map(({ level, message }) => [level, message])).toEqual([
      ["warn", "a queue is full: what is published waits"],
      ["info", "the queue has room again"],
    ]);
    expect(logger.lines.at(-1)!.fields).toEqual({
      queue: "wsmanager.busy",
      afterSeconds: 1,
      messagesWaited: 7,
    });
  });

  test("that takes a message now and then, and is full again at once, is told of once", async () => {
    const many = [depth("wsmanager.busy", 100, 0)];
    const { full, room, look, logger } = roomWhile("wsmanager.busy", many, []);
    await passUntil(room);
    full.taken();
    // Long before there was room for a while.
    let looks = 0;
    const again = () => Promise.resolve(looks++ === 0 ? many : []);
    await passUntil(
      full.room(
        "wsmanager",
        () => ["wsmanager.busy"],
        { ...look, depths: again },
        () => false,
      ),
    );
    expect(logger.lines.map(({ level }) => level)).toEqual(["warn", "debug"]);
    full.taken();
    clock.step(timing.calmMs);
    expect(logger.lines.at(-1)!.level).toBe("info");
  });

  test("that nobody knows is looked for at the exchange that the refused message went to", async () => {
    const logger = new RecordingLogger();
    const full = new FullQueues(logger, () => 0, timing);
    const nothing = { depths: () => Promise.resolve([]), refuses: () => Promise.resolve(false) };
    for (const exchange of ["towsmanager", "wsmanager"]) {
      await passUntil(
        full.room(
          exchange,
          () => [],
          nothing,
          () => false,
        ),
      );
      expect(full.waiting?.why).toInclude(`a queue bound to ${exchange} is full`);
    }
    expect(logger.lines[0]!.fields?.["why"]).toInclude("bound to towsmanager");
  });

  test("that nobody finds is tried less and less often, and as often as at first when there was room for a while", async () => {
    const logger = new RecordingLogger();
    const full = new FullQueues(logger, () => 0, timing);
    let looks = 0;
    const look = {
      depths: () => {
        looks++;
        return Promise.resolve([]);
      },
      refuses: () => Promise.resolve(false),
    };
    const tries = async () => {
      looks = 0;
      await passUntil(
        full.room(
          "wsmanager",
          () => [],
          look,
          () => false,
        ),
      );
      return looks;
    };
    const first = await tries();
    expect([await tries(), await tries()]).toEqual([2 * first - 1, 4 * first - 3]);
    full.taken();
    clock.step(timing.calmMs);
    expect(await tries()).toBe(first);
  });
});
