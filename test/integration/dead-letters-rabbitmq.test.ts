import { afterEach, beforeEach, describe, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectAmqp } from "amqplib";
import { runDeadLetters } from "../../src/dead-letters/command.ts";
import { Replay } from "../../src/dead-letters/replay.ts";
import { connect } from "../support/client.ts";
import { executable } from "../support/executable.ts";
import { ForeignProgram, field, longText, table, u64 } from "../support/foreign-program.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { run } from "../support/run.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Fails for what begins with "bad" as long as the file `mended` is not beside it. */
const handler = `
import { existsSync } from "node:fs";
import { join } from "node:path";
export default ({ text, id, clientId, topic, headers }) => {
  if (text.startsWith("bad") && !existsSync(join(import.meta.dirname, "mended"))) throw new Error("cannot read " + text);
  if (text === "headers") return JSON.stringify({ clientId, ...headers });
  return [text, topic, clientId].join(" ");
};`;
const mend = () => writeFileSync(join(folder, "mended"), "");

let folder: string;
let url: string;
let warren: WarrenProcess;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "warren-dead-letters-"));
  writeFileSync(join(folder, "handler.ts"), handler);
  url = await (await sharedRabbitmq()).vhost();
  const file = join(folder, "handler.ts");
  warren = await startWarren(
    ["--role", "all", "--broker", url, "--handler", file, "--group", "billing", "--attempts", "1"],
    { readyWhen: "ready" },
  );
});
afterEach(async () => {
  await warren.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What the command prints, and its exit code. */
async function deadLetters(...args: string[]) {
  const written = { output: "", progress: "" };
  const code = await runDeadLetters(
    [...args, "--broker", url],
    {},
    { write: (text) => (written.output += text) },
    { write: (text) => (written.progress += text) },
  );
  return { code, ...written };
}

/** Says these on a topic as anna, and waits until those that fail have died. */
async function sayAndFail(...texts: string[]): Promise<void> {
  await using anna = await connect(warren.wsUrl("/ws/anna?topic=orders"));
  for (const text of texts) anna.send(text);
  await until(
    async () => (await ids()).length === texts.filter((text) => text.startsWith("bad")).length,
    "deaths",
  );
}

const lettersOf = (output: string) =>
  output
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { id: string; group: string; body: { text: string } });
const bodies = async () =>
  lettersOf((await deadLetters("list", "--json")).output).map(({ body }) => body.text);
const ids = async () => lettersOf((await deadLetters("list", "--json")).output).map(({ id }) => id);

describe("warren dead-letters", () => {
  test("lists what failed, oldest first, and leaves it there in its order", async () => {
    await sayAndFail("bad 1", "good", "bad 2", "bad 3");
    for (let time = 0; time < 3; time++) expect(await bodies()).toEqual(["bad 1", "bad 2", "bad 3"]);
    const { output, progress, code } = await deadLetters("list");
    expect(output.split("\n")[0]).toMatch(/^AGE +GROUP +TRIES +TOPIC +CLIENT +ID +REASON$/);
    expect(output.split("\n")[1]).toMatch(/^\d+s +billing +1 +orders +anna +manager-\S+ +cannot read bad 1$/);
    expect([progress, code]).toEqual(["3 of 3 dead letters shown\n", 0]);
  });

  test("replays into the queue of the group that failed, and nobody else hears it", async () => {
    await sayAndFail("bad 1", "bad 2");
    await using listener = await connect(warren.wsUrl("/ws/bob?topic=orders"));
    const connection = await connectAmqp(url);
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue("", { exclusive: true });
    await channel.bindQueue(queue, "wsmanager", "");
    mend();
    const { progress, code } = await deadLetters("replay");
    expect([progress, code]).toEqual(["2 of 2 dead letters replayed\n", 0]);
    await until(() => listener.received.length >= 2, "both answers");
    // The topic and the client are those of the question.
    expect(listener.received).toEqual(["bad 1 orders anna", "bad 2 orders anna"]);
    expect((await channel.checkQueue(queue)).messageCount).toBe(0);
    await connection.close();
    expect(await bodies()).toEqual([]);
  });

  test("replays those alone that are asked for", async () => {
    await sayAndFail("bad 1", "bad 2", "bad 3");
    const [, second] = await ids();
    mend();
    expect((await deadLetters("replay", "--id", second!)).progress).toBe("1 of 3 dead letters replayed\n");
    expect(await bodies()).toEqual(["bad 1", "bad 3"]);
    expect((await deadLetters("replay", "--reason", "BAD 3")).progress).toBe(
      "1 of 2 dead letters replayed\n",
    );
    expect((await deadLetters("replay", "--group", "another")).progress).toBe(
      "0 of 1 dead letters replayed\n",
    );
    expect((await deadLetters("replay", "--older-than", "1h")).progress).toBe(
      "0 of 1 dead letters replayed\n",
    );
    expect((await deadLetters("replay", "--newer-than", "1h")).progress).toBe(
      "1 of 1 dead letters replayed\n",
    );
  });

  test("replays once what fails again, which dies again", async () => {
    await sayAndFail("bad 1", "bad 2");
    const before = await ids();
    expect((await deadLetters("replay")).progress).toBe("2 of 2 dead letters replayed\n");
    await until(async () => (await ids()).length === 2, "both to die again");
    expect(await ids()).toEqual(before);
  });

  test("says what it would do with --dry-run, and does nothing", async () => {
    await sayAndFail("bad 1");
    mend();
    for (const action of ["replay", "purge"])
      expect((await deadLetters(action, "--all", "--dry-run")).progress).toMatch(
        /^1 of 1 dead letters would be /,
      );
    expect(await bodies()).toEqual(["bad 1"]);
  });

  test("purges what is asked for, and all of it only if told so", async () => {
    await sayAndFail("bad 1", "bad 2");
    await expect(deadLetters("purge")).rejects.toThrow("or --all");
    expect((await deadLetters("purge", "--reason", "bad 1")).progress).toBe("1 of 2 dead letters deleted\n");
    expect(await bodies()).toEqual(["bad 2"]);
    expect((await deadLetters("purge", "--all")).progress).toBe("1 of 1 dead letters deleted\n");
    expect(await bodies()).toEqual([]);
  });

  test("shows headers and body of those that are named", async () => {
    await sayAndFail("bad 1", "bad 2");
    const [, second] = await ids();
    const { output } = await deadLetters("show", second!);
    expect(output).toInclude(`id:       ${second}\n`);
    expect(output).toInclude("client:   anna\n");
    expect(output).toInclude("body:     bad 2\n");
    expect(output).not.toInclude("bad 1");
    const { progress, code } = await deadLetters("show", second!, "manager-0-1");
    expect([progress, code]).toEqual([
      "1 of 2 dead letters shown\nthere is no dead letter with the id manager-0-1\n",
      1,
    ]);
  });

  test("keeps what nobody knows a place for, and says so", async () => {
    const connection = await connectAmqp(url);
    const channel = await connection.createConfirmChannel();
    channel.publish("wsmanager.dead", "stray", Buffer.from("stray"));
    await channel.waitForConfirms();
    await connection.close();
    const { progress, code } = await deadLetters("replay");
    expect(progress).toBe(
      "0 of 1 dead letters replayed\n1 name no group, so nobody knows where to put them: they stay\n",
    );
    expect(code).toBe(1);
    expect(await bodies()).toEqual(["stray"]);
  });

  test("that is interrupted puts back what it has in hand, and leaves nothing of its own in RabbitMQ", async () => {
    const connection = await connectAmqp(url);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("wsmanager.idle", { arguments: { "x-queue-type": "quorum" } });
    for (let number = 0; number < 5; number++)
      channel.publish("wsmanager.dead", "orders", Buffer.from(`${number}`), {
        headers: { "dead-group": "idle", "dead-message-id": `m-${number}`, "dead-timestamp": "1700000000" },
        timestamp: 1_800_000_000,
      });
    await channel.waitForConfirms();
    const exchanges = async () =>
      await (await sharedRabbitmq()).eval(
        `length([N || {resource, _, _, N} <- rabbit_exchange:list_names(), binary:match(N, <<"replay-">>) =/= nomatch])`,
      );
    const abort = new AbortController();
    const written: string[] = [];
    const progress = { write: (text: string) => written.push(text) };
    // After the first message is through, somebody presses Ctrl-C.
    const putBack = spyOn(Replay.prototype, "putBack").mockImplementationOnce(async function (
      this: Replay,
      ...args
    ) {
      putBack.mockRestore();
      const isThere = await this.putBack(...args);
      expect(await exchanges()).toBe("1");
      abort.abort();
      return isThere;
    });
    const code = await runDeadLetters(["replay", "--broker", url], {}, progress, progress, abort.signal);
    expect(code).toBe(130);
    expect(written.join("")).toContain("1 of 5 dead letters replayed");
    expect(written.join("")).toContain("interrupted: the others stay where they are\n");
    expect(await bodies()).toEqual(["1", "2", "3", "4"]);
    expect(await exchanges()).toBe("0");
    const back = await channel.get("wsmanager.idle", { noAck: true });
    expect(back).toMatchObject({ properties: { messageId: "m-0", timestamp: 1_700_000_000 } });
    await channel.deleteQueue("wsmanager.idle");
    await connection.close();
  });

  test("replays those behind one whose group is gone, with the app id that their senders gave", async () => {
    const connection = await connectAmqp(url);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("wsmanager.idle", { arguments: { "x-queue-type": "quorum" } });
    for (const group of ["gone", "log", "idle", "gone", "idle"])
      channel.publish("wsmanager.dead", "orders", Buffer.from(group), {
        headers: { "dead-group": group, "dead-message-id": "manager-1-7" },
        messageId: "processor-1-9",
        appId: "shop",
      });
    await channel.waitForConfirms();
    const { progress, code } = await deadLetters("replay");
    expect(progress).toBe(
      "2 of 5 dead letters replayed\n" +
        "1 name no group, so nobody knows where to put them: they stay\n" +
        '2 stay: the group "gone" has no queue: start a processor of it (--group gone), then replay\n',
    );
    expect(code).toBe(1);
    expect(await bodies()).toEqual(["gone", "log", "gone"]);
    for (let time = 0; time < 2; time++) {
      const message = await channel.get("wsmanager.idle", { noAck: true });
      expect(message).toMatchObject({ properties: { appId: "shop", messageId: "manager-1-7" } });
    }
    await channel.deleteQueue("wsmanager.idle");
    await connection.close();
  });

  test("shows and replays what RabbitMQ dead-lettered by itself, whatever the headers are that programs set", async () => {
    const lasting = table(
      field("client-id", "l", u64(175928847299117063n)),
      field("below", "l", u64(2n ** 63n)),
      field("deep", "A", longText(Buffer.concat([Buffer.from("l"), u64(2n ** 63n - 1n)]))),
      field("low", "d", u64(0xfe37e43c8800759cn)),
      field("at", "T", u64(2n ** 64n - 1n)),
      field("price", "D", Buffer.from([2, 0xff, 0xff, 0xff, 0xff])),
      field("name", "x", longText("größe")),
      field("bytes", "x", longText(Buffer.from([0xff]))),
      field(
        "x-death",
        "A",
        longText(
          Buffer.concat([Buffer.from("F"), table(field("queue", "S", longText("wsmanager.billing")))]),
        ),
      ),
    );
    await using program = await ForeignProgram.connect(url);
    await using listener = await connect(warren.wsUrl("/ws?topic=orders"));
    await program.publish("wsmanager.dead", { routingKey: "orders", headers: lasting, body: "headers" });
    const { output } = await deadLetters("show");
    expect(output).toContain("client:   175928847299117063\n");
    expect(output).toContain('header:   deep: ["9223372036854775807"]\n');
    // RabbitMQ puts back what was looked at a moment after the look.
    await until(
      async () => (await deadLetters("replay")).progress === "1 of 1 dead letters replayed\n",
      "the dead letter is replayed",
    );
    await until(() => listener.received.length === 1, "the answer");
    expect(JSON.parse(String(listener.received[0]))).toEqual({
      clientId: "175928847299117063",
      below: "-9223372036854775808",
      low: "-1e+300",
      at: "18446744073709551615",
      name: "größe",
    });
  });

  test("says how many it has replayed where the group's queue is full", async () => {
    const connection = await connectAmqp(url);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("wsmanager.idle", {
      maxLength: 2,
      arguments: { "x-overflow": "reject-publish" },
    });
    for (let count = 0; count < 4; count++)
      channel.publish("wsmanager.dead", "orders", Buffer.from(`${count}`), {
        headers: { "dead-group": "idle" },
      });
    await channel.waitForConfirms();
    let progress = "";
    const replay = runDeadLetters(
      ["replay", "--broker", url],
      {},
      { write: () => undefined },
      {
        write: (text) => (progress += text),
      },
    );
    await expect(replay).rejects.toThrow("the queue wsmanager.idle did not take message");
    expect(progress).toBe("2 dead letters replayed, then it failed\n");
    expect(await bodies()).toEqual(["2", "3"]);
    await channel.deleteQueue("wsmanager.idle");
    await connection.close();
  });

  test("keeps those of a group whose queue is gone, and says what to do", async () => {
    await sayAndFail("bad 1");
    await warren.stop();
    const connection = await connectAmqp(url);
    const channel = await connection.createChannel();
    await channel.deleteQueue("wsmanager.billing");
    await connection.close();
    expect(await deadLetters("replay")).toMatchObject({
      progress:
        "0 of 1 dead letters replayed\n" +
        '1 stay: the group "billing" has no queue: start a processor of it (--group billing), then replay\n',
      code: 1,
    });
    expect(await bodies()).toEqual(["bad 1"]);
  });

  test("works in the executable, and says where RabbitMQ is not", async () => {
    await sayAndFail("bad 1");
    const program = await executable();
    expect(lettersOf(await run([program, "dead-letters", "list", "--json", "--broker", url])).length).toBe(1);
    await expect(run([program, "dead-letters", "list", "--broker", "amqp://127.0.0.1:1"])).rejects.toThrow(
      "warren: RabbitMQ cannot be reached: amqp://127.0.0.1:1: ",
    );
    const stranger = url.replace("guest:guest@", "stranger:secret@");
    await expect(run([program, "dead-letters", "list", "--broker", stranger])).rejects.toThrow(
      "warren: RabbitMQ does not let this command in: amqp://stranger:***@",
    );
    await expect(run([program, "dead-letters", "list", "--broker", "memory:"])).rejects.toThrow(
      "warren: dead letters lie in RabbitMQ: name it with --broker amqp://…",
    );
    await expect(run([program, "dead-letters", "bury"])).rejects.toThrow(
      "say one of list, show, replay, purge",
    );
  });

  test("is read to its end by a program that takes its time", async () => {
    const long = "x".repeat(100_000);
    await sayAndFail(`bad 1 ${long}`, `bad 2 ${long}`, `bad 3 ${long}`);
    const command =
      '"$0" dead-letters list --json --broker "$1" | (read -r first; echo "$first"; sleep 0.3; cat)';
    const letters = lettersOf(await run(["sh", "-c", command, await executable(), url]));
    expect(letters.map(({ body }) => body.text.length)).toEqual([100_006, 100_006, 100_006]);
  });
});
