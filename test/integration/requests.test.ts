import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { RxStomp, RxStompRPC } from "@stomp/rx-stomp";
import type { IMessage } from "@stomp/stompjs";
import { firstValueFrom, take, toArray } from "rxjs";
import type { Handler } from "../../src/processor/handler.ts";
import { connect } from "../support/client.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Answers as it is asked to. */
const handler: Handler = ({ text, clientId, isRequest }) => {
  if (text === "silent") return undefined;
  if (text === "fail") throw new Error("secret: the password is 1234");
  if (text === "hang") return new Promise(() => undefined);
  if (text === "everybody") return { to: "topic", body: "for everybody" };
  if (text === "the sender") return { to: "sender", body: "for you", headers: { own: "kept" } };
  if (text === "stream")
    return (async function* () {
      for (const word of ["one", "two", "three"]) {
        await Bun.sleep(5);
        yield word;
      }
    })();
  return `${clientId} asked ${text}${isRequest ? "" : ", of everybody"}`;
};

/** A client that asks as @stomp/stompjs's users do: answers come without a subscription. */
async function asking(url: string) {
  const answers: IMessage[] = [];
  const peer = await connectStomp(url, { onUnhandledMessage: (message) => void answers.push(message) });
  const ask = (body: string, id: string, headers: Record<string, string> = {}, name = "/app/prices") =>
    peer.send(name, body, { "reply-to": "/temp-queue/mine", "correlation-id": id, ...headers });
  const answered = async (count: number) => {
    await until(() => answers.length >= count, `${count} answers (${answers.length} so far)`);
    return answers.map(({ body, headers }) => [headers["correlation-id"], body]);
  };
  return { peer, ask, answers, answered };
}

describe("a request", () => {
  test("is answered to the connection that asked, alone, with what it called it", async () => {
    await using system = startSystem([], handler);
    const anna = await asking(system.wsUrl("/ws/anna"));
    const other = await asking(system.wsUrl("/ws/anna"));
    await using listener = await connect(system.wsUrl("/ws?topic=prices"));
    const everything = await other.peer.subscribe("/topic/#");
    const log = await other.peer.subscribe("/topic/#", { "x-stream-offset": "first" });
    anna.ask("the price", "7:a b");
    expect(await anna.answered(1)).toEqual([["7:a b", "anna asked the price"]]);
    const { headers } = anna.answers[0]!;
    expect([headers["subscription"], headers["destination"]]).toEqual([
      "/temp-queue/mine",
      "/temp-queue/mine",
    ]);
    expect(headers["reply-to"]).toBeUndefined();
    expect(headers["message-id"]).toMatch(/^manager-\d+\/processor\/1$/);
    anna.ask("everybody", "8");
    expect(await listener.next()).toBe("for everybody");
    await until(() => log.length > 0 && everything.length > 0, "what is for everybody");
    expect([log, everything].map((heard) => heard.map(({ body }) => body))).toEqual([
      ["for everybody"],
      ["for everybody"],
    ]);
    expect(other.answers).toEqual([]);
    expect(anna.answers).toHaveLength(1);
    for (const { peer } of [anna, other]) await peer[Symbol.asyncDispose]();
  });

  test("may have many answers, and each goes back with its own headers", async () => {
    await using system = startSystem([], handler);
    const anna = await asking(system.wsUrl("/ws/anna"));
    anna.ask("stream", "s");
    expect(await anna.answered(3)).toEqual([
      ["s", "one"],
      ["s", "two"],
      ["s", "three"],
    ]);
    anna.ask("the sender", "t");
    expect((await anna.answered(4))[3]).toEqual(["t", "for you"]);
    expect(anna.answers[3]!.headers["own"]).toBe("kept");
    await anna.peer[Symbol.asyncDispose]();
  });

  test("that fails for good is answered with an error that tells nothing of the handler's inside", async () => {
    await using system = startSystem(["--attempts", "2"], handler);
    const anna = await asking(system.wsUrl("/ws/anna"));
    anna.ask("fail", "f");
    await anna.answered(1);
    const [answer] = anna.answers;
    expect([answer!.headers["correlation-id"], answer!.headers["error"]]).toEqual(["f", "failed"]);
    expect(answer!.body).not.toInclude("1234");
    await anna.peer[Symbol.asyncDispose]();
  });

  test.each<[string, unknown, RegExp]>([
    ["has an unknown key", { to: "topic", body: "x", contenttype: "text/css" }, /contenttype/],
    ["is to a pattern", { to: { topic: "a.*" }, body: "x" }, /a\.\*/],
    ["is to a topic of 256 bytes", { to: { topic: "x".repeat(256) }, body: "x" }, /255 bytes/],
    ["is to somebody by name alone", { to: "ben", body: "x" }, /ben/],
    ["is over the limit", "x".repeat(16 * 1024 ** 2 + 1), /more than 16777216 bytes/],
    ["is more than may wait for a client", "x".repeat(4 * 1024 ** 2 + 1), /more than may wait for a client/],
    ["is a promise in a list", [Promise.resolve("x")], /promise/],
  ])(
    "whose answer %s is answered with an error, of which the log says why, and others are served",
    async (_, answer, why) => {
      await using system = startSystem(["--attempts", "1"], (message, context) =>
        message.text === "bad" ? (answer as never) : handler(message, context),
      );
      await using listener = await connect(system.wsUrl("/ws?topic=prices"));
      const anna = await asking(system.wsUrl("/ws/anna"));
      anna.ask("bad", "b");
      anna.ask("the price", "p");
      expect((await anna.answered(2)).map(([id]) => id)).toEqual(["b", "p"]);
      expect(anna.answers.map(({ headers }) => headers["error"])).toEqual(["failed", undefined]);
      expect(system.logger.reasons.join("\n")).toMatch(why);
      expect(listener.received).toEqual([]);
      await anna.peer[Symbol.asyncDispose]();
    },
  );

  test("whose generator stops in the middle is answered with what there is and an error, and others are served", async () => {
    const isEnded = Promise.withResolvers<void>();
    await using system = startSystem(["--attempts", "1", "--handler-timeout", "1s"], (message, context) =>
      message.text !== "endless"
        ? handler(message, context)
        : (async function* () {
            yield "one";
            // Nothing that is waited for here ever comes.
            context.signal.addEventListener("abort", () => isEnded.resolve());
            await new Promise(() => undefined);
          })(),
    );
    const anna = await asking(system.wsUrl("/ws/anna"));
    const ben = await asking(system.wsUrl("/ws/ben"));
    anna.ask("endless", "e");
    expect(await anna.answered(1)).toEqual([["e", "one"]]);
    ben.ask("the price", "p");
    expect(await ben.answered(1)).toEqual([["p", "ben asked the price"]]);
    await anna.answered(2);
    expect([anna.answers[1]!.headers["correlation-id"], anna.answers[1]!.headers["error"]]).toEqual([
      "e",
      "failed",
    ]);
    await isEnded.promise;
    for (const { peer } of [anna, ben]) await peer[Symbol.asyncDispose]();
  });

  test("that has expired is answered with an error, and what comes late is not", async () => {
    await using system = startSystem([], (message) =>
      message.text === "late" ? Bun.sleep(900).then(() => "too late") : handler(message, undefined as never),
    );
    const anna = await asking(system.wsUrl("/ws/anna"));
    anna.ask("late", "l", { expiration: "500" });
    const prompt = await asking(system.wsUrl("/ws/ben"));
    prompt.ask("the price", "p", { expiration: "60000" });
    expect(await prompt.answered(1)).toEqual([["p", "ben asked the price"]]);
    await anna.answered(1);
    expect([anna.answers[0]!.headers["correlation-id"], anna.answers[0]!.headers["error"]]).toEqual([
      "l",
      "expired",
    ]);
    anna.ask("after", "a");
    expect((await anna.answered(2))[1]).toEqual(["a", "anna asked after"]);
    for (const { peer } of [anna, prompt]) await peer[Symbol.asyncDispose]();
  });

  test("without reply-to is handled, and nobody hears of it", async () => {
    const seen: string[] = [];
    await using system = startSystem([], (message) => {
      seen.push(message.text);
      return "an answer";
    });
    await using listener = await connect(system.wsUrl("/ws?topic=prices"));
    await using peer = await connectStomp(system.wsUrl("/ws/anna"));
    const direct = await peer.subscribe("/direct");
    await peer.sendSafely("/app/prices", "notice");
    await until(() => seen.includes("notice"), "the handler");
    peer.send("/topic/prices", "public");
    expect(await listener.next()).toBe("public");
    expect(await listener.next()).toBe("an answer");
    expect(direct).toEqual([]);
  });

  test.each([
    [
      "a reply-to of another kind",
      "/app/a",
      { "reply-to": "/topic/a" },
      "reply-to of a SEND to /app is /temp-queue/NAME",
    ],
    ["a pattern", "/app/a.*", {}, "is a pattern"],
    ["no name", "/app/", {}, "has 1 to 255 bytes"],
    ["a transaction", "/app/a", { transaction: "t" }, "not in a transaction"],
    [
      "a correlation id of 300 bytes",
      "/app/a",
      { "reply-to": "/temp-queue/x", "correlation-id": "c".repeat(300) },
      "at most 255 bytes",
    ],
    [
      "a correlation id of 64 KB",
      "/app/a",
      { "reply-to": "/temp-queue/x", "correlation-id": "c".repeat(64 * 1024) },
      "a header line has more than 8192 bytes",
    ],
    [
      "names that are long together",
      "/app/a",
      { "reply-to": "/temp-queue/x", "correlation-id": "c".repeat(250) },
      "bytes together",
    ],
  ])("with %s is answered with an ERROR that says so", async (_, destination, headers, reason) => {
    await using system = startSystem([], handler);
    await using peer = await connectStomp(system.wsUrl("/ws"));
    peer.send(destination, "x", headers);
    expect((await peer.failed).headers["message"]).toInclude(reason);
  });
});

describe("a plain-text client that asks an app", () => {
  test("gets the answers to what it sends, and nothing else", async () => {
    await using system = startSystem([], handler);
    await using anna = await connect(system.wsUrl("/ws/anna?app=prices"));
    await using listener = await connect(system.wsUrl("/ws/ben?topic=prices"));
    anna.send("the price");
    expect(await anna.next()).toBe("anna asked the price");
    anna.send("stream");
    expect([await anna.next(), await anna.next(), await anna.next()]).toEqual(["one", "two", "three"]);
    listener.send("hello");
    expect(await listener.next()).toBe("ben asked hello, of everybody");
    anna.send("fail");
    expect(String(await anna.next())).toInclude("the request failed");
    expect(anna.received).toHaveLength(5);
  });

  test.each(["?app=", "?app=a.*", "?app=a&topic=b"])("is refused with %s", async (query) => {
    await using system = startSystem([], handler);
    const response = await fetch(new URL(`/ws${query}`, system.url), {
      headers: {
        upgrade: "websocket",
        connection: "upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      },
    });
    expect(response.status).toBe(400);
  });
});

describe("the handler of a client that asked and has gone", () => {
  test("is told by its signal, is not tried again, and answers others as before", async () => {
    const told: string[] = [];
    let attempts = 0;
    const cancellable: Handler = async function* ({ text, isRequest }, { signal }) {
      attempts++;
      yield "begun";
      if (text === "short") return;
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          told.push(`${text}, ${isRequest}: ${(signal.reason as Error).message}`);
          reject(signal.reason as Error);
        });
      });
    };
    await using system = startSystem(["--handler-timeout", "1h"], cancellable);
    const anna = await asking(system.wsUrl("/ws/anna"));
    const ben = await asking(system.wsUrl("/ws/ben"));
    anna.ask("long", "1");
    ben.ask("short", "2");
    expect(await anna.answered(1)).toEqual([["1", "begun"]]);
    expect(await ben.answered(1)).toEqual([["2", "begun"]]);
    await anna.peer[Symbol.asyncDispose]();
    await until(() => told.length > 0, "the handler is told");
    expect(told).toEqual(["long, true: the client that asked has gone"]);
    ben.ask("short", "3");
    expect((await ben.answered(2))[1]).toEqual(["3", "begun"]);
    expect(attempts).toBe(3);
    expect(system.logger.complaints).toEqual([]);
    await ben.peer[Symbol.asyncDispose]();
  });
});

test("rx-stomp's RPC works as it is", async () => {
  await using system = startSystem([], handler);
  const client = new RxStomp();
  client.configure({ brokerURL: system.wsUrl("/ws/anna"), reconnectDelay: 0 });
  client.activate();
  const rpc = new RxStompRPC(client);
  const answers = await Promise.all(
    ["one", "two"].map((body) => firstValueFrom(rpc.rpc({ destination: "/app/prices", body }))),
  );
  expect(answers.map(({ body }) => body)).toEqual(["anna asked one", "anna asked two"]);
  const words = await firstValueFrom(
    rpc.stream({ destination: "/app/prices", body: "stream" }).pipe(take(3), toArray()),
  );
  expect(words.map(({ body }) => body)).toEqual(["one", "two", "three"]);
  await client.deactivate({ force: true });
});
