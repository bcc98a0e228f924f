import { expect, setDefaultTimeout, test } from "bun:test";
import { EventConnection } from "../support/event-source.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { startManager } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, within } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

const post = (url: string | URL, body: string) =>
  fetch(url, { method: "POST", body, headers: { "content-type": "text/plain" } });

test("a client of server-sent events goes on with another manager when its own is killed, without loss or repeats", async () => {
  const url = await (await sharedRabbitmq()).vhost();
  await using killed = await startWarren(["manager", "--broker", url], { readyWhen: "ready" });
  await using other = await startManager("manager-00000000000b", url);
  const otherUrl = other.wsUrl("/topics/t").replace(/^ws/, "http");
  const before = await EventConnection.open(new URL("/topics/t", killed.url));
  await until(() => before.lastId !== "", "it is in force");
  const sent = Array.from({ length: 60 }, (_, index) => `${index}`);
  const sending = (async () => {
    for (const body of sent) expect((await post(otherUrl, body)).status).toBe(200);
  })();
  await until(() => before.bodies.length >= 5, "some came");
  killed.signal("SIGKILL");
  expect(await within(before.ended, "the loss")).toBe("cut");
  await using after = await EventConnection.open(otherUrl, { "last-event-id": before.lastId });
  await sending;
  await until(() => before.bodies.length + after.bodies.length >= sent.length, "all came");
  expect([...before.bodies, ...after.bodies]).toEqual(sent);
  expect([...before.events, ...after.events].filter(({ event }) => event === "gap")).toEqual([]);

  // A poll goes on there too, and one that is ahead of what this manager has seen.
  const poll = await fetch(`${otherUrl}?wait=20s&after=${before.lastId}`);
  const lines = (await poll.text()).trim().split("\n");
  expect(lines.length).toBeLessThanOrEqual(sent.length - before.bodies.length);
  const next = poll.headers.get("warren-next")!;
  const rest = fetch(`${otherUrl}?wait=20s&from=${next}`);
  await post(otherUrl, "the last");
  const bodies: string[] = lines.map((line) => JSON.parse(line).body);
  for (let answer = await rest; !bodies.includes("the last"); ) {
    bodies.push(
      ...(await answer.text())
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).body as string),
    );
    if (!bodies.includes("the last"))
      answer = await fetch(`${otherUrl}?wait=20s&from=${answer.headers.get("warren-next")}`);
  }
  expect(bodies).toEqual([...sent.slice(before.bodies.length), "the last"]);
});

test("what is POSTed while there is no way to RabbitMQ is taken without a confirm, and says so", async () => {
  const node = await sharedRabbitmq();
  const url = await node.vhost();
  await using manager = await startManager("manager-00000000000c", url);
  const address = manager.wsUrl("/topics/t").replace(/^ws/, "http");
  expect((await post(address, "before")).status).toBe(200);
  await using away = await startManager("manager-00000000000d", url);
  const awayAddress = away.wsUrl("/topics/t").replace(/^ws/, "http");
  await away.broker.close();
  const answer = await post(`${awayAddress}?wait=100ms`, "while it is away");
  expect(answer.status).toBe(202);
  expect(await answer.json()).toMatchObject({ confirmed: false });
  // What was taken before the manager stops may have been sent: 503 would say that it was not.
  const metrics = new URL("/metrics", awayAddress);
  const last = post(`${awayAddress}?wait=30s`, "while it stops");
  await until(
    async () => (await (await fetch(metrics)).text()).includes("warren_http_waiting 1"),
    "it waits",
  );
  await away[Symbol.asyncDispose]();
  const stopped = await last;
  expect(stopped.status).toBe(202);
  expect((await stopped.json()).note).toContain("stopping");
});
