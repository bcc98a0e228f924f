import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "../support/client.ts";
import { EventConnection } from "../support/event-source.ts";
import { connectStomp, type Message } from "../support/stomp-client.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

interface Told {
  readonly event: string;
  readonly count: number;
  readonly clients: readonly string[];
  readonly part?: number;
  readonly parts?: number;
}

const toldIn = (messages: readonly Message[]): Told[] => messages.map(({ body }) => JSON.parse(body) as Told);

describe("Presence", () => {
  test("tells who is on a topic, then who comes and goes, each client once", async () => {
    await using system = startSystem();
    await using _anna = await connect(system.wsUrl("/ws/anna?topic=room.1"));
    await using watcher = await connectStomp(system.wsUrl("/ws/watcher"));
    const received = await watcher.subscribe("/presence/room.1");
    await until(() => received.length === 1, "the snapshot");
    expect(toldIn(received)).toEqual([
      { event: "snapshot", part: 1, parts: 1, count: 1, clients: ["anna"] } as Told,
    ]);
    expect(received[0]!.headers).toMatchObject({
      destination: "/presence/room.1",
      "content-type": "application/json",
    });
    const ben = await connect(system.wsUrl("/ws/ben?topic=room.1"));
    await until(() => received.length === 2, "ben joins");
    // He comes a second time, and subscribes twice; one who has a pattern, or another topic, is not there.
    await using twice = await connectStomp(system.wsUrl("/ws/ben"));
    await twice.subscribe("/topic/room.1");
    await twice.subscribe("/topic/room.1", { "x-stream-offset": "first" });
    await using pattern = await connectStomp(system.wsUrl("/ws/pattern"));
    await pattern.subscribe("/topic/room.*");
    await using _elsewhere = await connect(system.wsUrl("/ws/elsewhere?topic=room.2"));
    await ben.close();
    await using _cleo = await connect(system.wsUrl("/ws/cleo?topic=room.1"));
    await until(() => received.length === 3, "cleo joins");
    await twice[Symbol.asyncDispose]();
    await until(() => received.length === 4, "ben leaves");
    expect(toldIn(received).slice(1)).toEqual([
      { event: "joined", count: 2, clients: ["ben"] },
      { event: "joined", count: 3, clients: ["cleo"] },
      { event: "left", count: 2, clients: ["ben"] },
    ]);
  });

  test("has clients without WebSocket, too: of server-sent events until they go, of a long poll while it waits", async () => {
    await using system = startSystem();
    await using watcher = await connectStomp(system.wsUrl("/ws/watcher"));
    const received = await watcher.subscribe("/presence/room");
    await until(() => received.length === 1, "the snapshot");
    const topic = (query: string) => new URL(`/topics/room?${query}`, system.url);
    const streaming = await EventConnection.open(topic("client=streaming"));
    await until(() => received.length === 2, "one that streams joins");
    const polled = fetch(topic("client=polling&wait=1m"));
    await until(() => received.length === 3, "one that polls joins");
    await streaming[Symbol.asyncDispose]();
    await until(() => received.length === 4, "one that streams leaves");
    watcher.send("/topic/room", "an end to the poll");
    expect(await (await polled).text()).toContain("an end to the poll");
    await until(() => received.length === 5, "one that polls leaves");
    expect(toldIn(received).slice(1)).toEqual([
      { event: "joined", count: 1, clients: ["streaming"] },
      { event: "joined", count: 2, clients: ["polling"] },
      { event: "left", count: 1, clients: ["streaming"] },
      { event: "left", count: 0, clients: ["polling"] },
    ]);
  });

  test("tells the number alone with x-count:true, and nothing after UNSUBSCRIBE", async () => {
    await using system = startSystem();
    await using watcher = await connectStomp(system.wsUrl("/ws/watcher"));
    const counts = await watcher.subscribe("/presence/room", { "x-count": "true", id: "count" });
    const lists = await watcher.subscribe("/presence/room", { id: "list" });
    await until(() => counts.length === 1 && lists.length === 1, "both know that nobody is there");
    watcher.client.unsubscribe("list");
    await using _anna = await connect(system.wsUrl("/ws/anna?topic=room"));
    await until(() => counts.length === 2, "anna is counted");
    expect(toldIn(counts)).toEqual([
      { event: "count", count: 0 } as Told,
      { event: "count", count: 1 } as Told,
    ]);
    expect(lists).toHaveLength(1);
  });

  test("lists very many in frames of bounded size, and /presence alone is for /broadcast", async () => {
    await using system = startSystem(["--max-subscriptions", "5000"]);
    const long = "n".repeat(200);
    const clients = await Promise.all(
      Array.from({ length: 400 }, (_, n) => connect(system.wsUrl(`/ws/${long}${n}`))),
    );
    await using watcher = await connectStomp(system.wsUrl("/ws/watcher"));
    const received = await watcher.subscribe("/presence");
    const isWhole = () =>
      received.length > 0 && toldIn(received).at(-1)!.part === toldIn(received).at(-1)!.parts;
    await until(isWhole, "the snapshot");
    const parts = toldIn(received);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.map(({ part }) => part)).toEqual(parts.map((_, index) => index + 1));
    expect(Math.max(...received.map(({ body }) => body.length))).toBeLessThan(34_000);
    expect(new Set(parts.flatMap((part) => part.clients)).size).toBe(400);
    await Promise.all(clients.map((client) => client.close()));
  });

  test("refuses what is no topic, what nobody can tell, and to tell one client of a topic more than 25 times", async () => {
    await using system = startSystem();
    for (const [destination, headers, why] of [
      ["/presence/room.*", {}, "is a pattern"],
      ["/presence/", {}, "1 to 255 bytes"],
      [`/presence/${"x".repeat(256)}`, {}, "1 to 255 bytes"],
      ["/presence/room", { "x-stream-offset": "first" }, "no log"],
      ["/presence/room", { "x-count": "yes" }, "x-count is true or false"],
    ] as const) {
      await using client = await connectStomp(system.wsUrl("/ws/client"));
      client.client.subscribe(destination, () => undefined, headers);
      expect((await client.failed).headers["message"]).toContain(why);
    }
    await using client = await connectStomp(system.wsUrl("/ws/client"));
    for (let count = 0; count <= 25; count++) client.client.subscribe("/presence/room", () => undefined);
    expect((await client.failed).headers["message"]).toContain("more than 25 subscriptions");
  });
});
