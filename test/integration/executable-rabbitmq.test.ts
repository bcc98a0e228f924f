import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { version } from "../../package.json";
import { FaultyProxy } from "../faults/proxy.ts";
import { connect } from "../support/client.ts";
import { executable } from "../support/executable.ts";
import { forgetProcess, killAtExit } from "../support/leftovers.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Runs the executable until it ends by itself. */
async function run(args: string[], { env = {}, cwd }: { env?: Record<string, string>; cwd?: string } = {}) {
  const child = Bun.spawn([await executable(), ...args], {
    env: { PATH: process.env["PATH"], ...env },
    stdout: "pipe",
    stderr: "pipe",
    ...(cwd === undefined ? {} : { cwd }),
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, code };
}

/** A folder for one test. */
class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "warren-test-"));
  write(name: string, text: string): string {
    writeFileSync(join(this.path, name), text);
    return join(this.path, name);
  }
  [Symbol.dispose]() {
    rmSync(this.path, { recursive: true });
  }
}

const oneLine = /^warren: [^\n]{20,400}\n$/;

describe("the executable", () => {
  test("says what it can do", async () => {
    const { out, err, code } = await run(["--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("--role all|manager|processor|bench");
  });

  test("prints the types that handlers are checked with", async () => {
    const { out, code } = await run(["--handler-types"]);
    expect(code).toBe(0);
    expect(out).toBe(await Bun.file(join(projectFolder, "src", "processor", "handler-types.ts")).text());
  });

  test("says its version", async () => {
    expect(await run(["--version"])).toEqual({ out: `warren ${version}\n`, err: "", code: 0 });
  });

  const usageErrors: Record<string, string[]> = {
    "an unknown flag": ["--borker", "memory:"],
    "a flag without its value": ["--port"],
    "a port that is no number": ["--port", "http"],
    "a port out of range": ["--port", "70000"],
    "an unknown role": ["--role", "boss"],
    "a flag of another role": ["--role", "processor", "--port", "1"],
    "the embedded broker for a lone manager": ["--role", "manager", "--broker", "memory:"],
    "the embedded broker for a lone processor": ["--role", "processor", "--broker", "memory:"],
    "the embedded broker among others": ["--broker", "memory:,amqp://localhost"],
    "a broker URL of another kind": ["--broker", "http://localhost"],
    "words without a flag": ["start"],
    "a shell that it knows no completion for": ["completion", "tcsh"],
  };
  for (const [what, args] of Object.entries(usageErrors)) {
    test(`answers ${what} with one line and exit code 2`, async () => {
      const { out, err, code } = await run(args);
      expect({ out, code }).toEqual({ out: "", code: 2 });
      expect(err).toMatch(oneLine);
    });
  }

  test("takes an option from the environment, and a flag over it", async () => {
    expect((await run([], { env: { WARREN_PORT: "none" } })).code).toBe(2);
    await using warren = await startWarren(["--port", "0"], {
      env: { WARREN_PORT: "none", WARREN_LOG_MESSAGES: "off" },
    });
    await using anna = await connect(warren.wsUrl("/ws"));
    anna.send("hello");
    await anna.next();
    expect(warren.log.map(({ msg }) => msg)).not.toContain("client sent");
  });

  test("takes nothing from a .env or a bunfig.toml in the folder where it is started", async () => {
    using folder = new Folder();
    folder.write(".env", "WARREN_PORT=none\nWARREN_ROLE=boss\n");
    folder.write("bunfig.toml", 'preload = ["./evil.ts"]\n');
    folder.write("evil.ts", "process.exit(99);\n");
    await using warren = await startWarren([], { cwd: folder.path });
    expect((await fetch(new URL("/healthz", warren.url))).status).toBe(200);
  });

  test("is a whole system by itself", async () => {
    await using warren = await startWarren(["--log-messages", "on"], { readyWhen: "ready" });
    await using anna = await connect(warren.wsUrl("/ws/anna"));
    await using ben = await connect(warren.wsUrl("/ws/ben"));
    anna.send("hello");
    expect(await ben.next()).toBe("hello");
    expect(await ben.next()).toBe("processed message: hello");
    expect(await anna.next()).toBe("processed message: hello");
    for (const [msg, message] of [
      ["client sent", "hello"],
      ["received", "hello"],
      ["sends", "processed message: hello"],
      ["came back", "processed message: hello"],
    ]) {
      await warren.waitForLog(
        (line) => line.msg === msg && line["message"] === message,
        `it prints "${msg}"`,
      );
    }
  });

  test("prints ten messages a second on a terminal, and counts the rest", async () => {
    let shown = "";
    const decoder = new TextDecoder();
    const child = Bun.spawn([await executable(), "--port", "0", "--log-format", "json"], {
      terminal: {
        cols: 10_000,
        data: (_, bytes) => {
          shown += decoder.decode(bytes, { stream: true });
        },
      },
    });
    killAtExit(child.pid);
    try {
      const [, url] = await until(() => /"url":"(http[^"]+)"/.exec(shown) ?? undefined, "it listens");
      await using anna = await connect(new URL("/ws", url!.replace(/^http/, "ws")).href);
      for (let index = 0; index < 1000; index++) anna.send(`message ${index}`);
      await untilCount(() => anna.received.length, 1000, "all answers");
      const counted = await until(() => /more messages.*"count":(\d+)/.exec(shown), "the count of the rest");
      const printed = shown.match(/"message":/g)?.length ?? 0;
      expect(printed).toBeGreaterThanOrEqual(10);
      expect(printed).toBeLessThan(100);
      expect(Number(counted![1])).toBeGreaterThan(1000);
    } finally {
      child.kill("SIGTERM");
      await child.exited;
      forgetProcess(child.pid);
      child.terminal?.close();
    }
  });

  test("prints no message where nobody looks at a terminal, unless it is told to", async () => {
    await using warren = await startWarren();
    await using anna = await connect(warren.wsUrl("/ws"));
    anna.send("a secret");
    await anna.next();
    await warren.stop();
    expect(JSON.stringify(warren.log)).not.toInclude("secret");
  });

  test("names the port and what to do if it is in use", async () => {
    await using warren = await startWarren();
    const { out, err, code } = await run(["--port", new URL(warren.url).port]);
    expect({ out, code }).toEqual({ out: "", code: 1 });
    expect(err).toMatch(oneLine);
    expect(err).toContain("--port");
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`stops at ${signal} with exit code 0, having finished what it accepted`, async () => {
      using folder = new Folder();
      const handler = folder.write(
        "slow.ts",
        "export default async ({ text }) => { await Bun.sleep(30); return text; };",
      );
      const warren = await startWarren(["--log-messages", "on", "--handler", handler]);
      await using anna = await connect(warren.wsUrl("/ws"));
      const sent = Array.from({ length: 20 }, (_, index) => `message ${index}`);
      for (const text of sent) anna.send(text);
      await warren.waitForLog(({ message }) => message === "message 0", "the first message is there");
      const published = new URL("/metrics", warren.url);
      await until(
        async () => /received_total 20\n/.test(await (await fetch(published)).text()),
        "all are there",
      );
      warren.signal(signal);
      expect(await warren.exited).toBe(0);
      expect(anna.received).toEqual(sent);
      expect((await anna.closed).code).toBe(1001);
    });
  }

  test("stops within --stop-timeout all in all, though a handler never returns", async () => {
    using folder = new Folder();
    const handler = folder.write("stuck.ts", "export default () => new Promise(() => {});");
    const warren = await startWarren(["--log-messages", "on", "--handler", handler, "--stop-timeout", "4s"]);
    await using anna = await connect(warren.wsUrl("/ws"));
    anna.send("hello");
    await warren.waitForLog(({ msg }) => msg === "received", "the handler is called");
    warren.signal("SIGTERM");
    const signalled = performance.now();
    expect(await warren.exited).toBe(0);
    // Whatever waits in turn shares the time: two waits of four seconds each would take eight.
    expect(performance.now() - signalled).toBeLessThan(7500);
    expect(warren.log.map(({ msg }) => msg)).toContain(
      "stopped before everything begun was finished; what is left will be delivered again",
    );
  });

  test("stops at once at the second signal", async () => {
    using folder = new Folder();
    const handler = folder.write("stuck.ts", "export default () => new Promise(() => {});");
    const warren = await startWarren(["--log-messages", "on", "--handler", handler, "--stop-timeout", "1h"]);
    await using anna = await connect(warren.wsUrl("/ws"));
    anna.send("hello");
    await warren.waitForLog(({ msg }) => msg === "received", "the handler is called");
    warren.signal("SIGTERM");
    await warren.waitForLog(({ msg }) => msg === "stopping", "it is stopping");
    warren.signal("SIGTERM");
    expect(await warren.exited).not.toBe(0);
  });
});

describe("a handler of one's own", () => {
  test.each([
    ["an error in a timer", 'setTimeout(() => { throw new Error("stray"); })', "stray"],
    ["a rejection that nothing awaits", 'void Promise.reject(new Error("stray"))', "stray"],
    [
      "what throws when it is asked",
      'const no = () => { throw new Error("no"); }; setTimeout(() => { throw new Proxy({}, { get: no, getPrototypeOf: no }); })',
      "something was thrown that has no text",
    ],
  ])(
    "that leaves %s behind ends the process with exit code 1, and the log says why",
    async (_, stray, reason) => {
      using folder = new Folder();
      const handler = folder.write("stray.ts", `export default () => { ${stray}; return "answer"; };`);
      await using warren = await startWarren(["--handler", handler]);
      await using anna = await connect(warren.wsUrl("/ws"));
      anna.send("hello");
      expect(await warren.exited).toBe(1);
      expect(warren.log).toContainEqual(
        expect.objectContaining({ level: "error", msg: "uncaught error: this process ends", reason }),
      );
    },
  );

  test("that breaks Warren's own code shows in the log where that is, by file, line and column of its source", async () => {
    using folder = new Folder();
    const handler = folder.write(
      "breaks.ts",
      `export default () => {
        const { now } = performance;
        setInterval(() => {
          performance.now = () => {
            performance.now = now;
            throw new Error("broken clock");
          };
        }, 1);
      };`,
    );
    await using warren = await startWarren(["--handler", handler]);
    await using anna = await connect(warren.wsUrl("/ws"));
    anna.send("hello");
    expect(await warren.exited).toBe(1);
    const { stack } = warren.log.find(({ reason }) => reason === "broken clock")!;
    const [, file, line, column] = /\((src\/\S+\.ts):(\d+):(\d+)\)/.exec(String(stack))!;
    const code = readFileSync(join(projectFolder, file!), "utf8").split("\n")[Number(line) - 1]!;
    expect(code.slice(0, Number(column) - 1)).toEndWith("performance.");
    expect(code.slice(Number(column) - 1)).toStartWith("now()");
  });

  test("is loaded from disk by the compiled executable, with what it imports", async () => {
    using folder = new Folder();
    folder.write("shout.ts", "export const shout = (text: string): string => text.toUpperCase();");
    const handler = folder.write(
      "handler.ts",
      'import { shout } from "./shout.ts";\nexport default ({ text }: { text: string }) => [shout(text), { to: "sender", body: "thanks" }, { json: true }];',
    );
    await using warren = await startWarren(["--log-messages", "on", "--handler", handler]);
    await using anna = await connect(warren.wsUrl("/ws/anna"));
    await using ben = await connect(warren.wsUrl("/ws/ben"));
    anna.send("hello");
    expect(await anna.next()).toBe("HELLO");
    expect(await anna.next()).toBe("thanks");
    expect(await anna.next()).toBe('{"json":true}');
    await until(() => ben.received.length === 3, "what is for everyone");
    expect(ben.received).toEqual(["hello", "HELLO", '{"json":true}']);
  });

  test("may be the example", async () => {
    await using warren = await startWarren(["--handler", "examples/handler.ts"]);
    await using anna = await connect(warren.wsUrl("/ws/anna"));
    anna.send("2 + 3");
    expect(await anna.next()).toBe("5");
    expect(await anna.next()).toBe('{"event":"sum asked","by":"anna"}');
  });

  const broken: Record<string, { text?: string; says: string }> = {
    "that does not exist": { says: "handler.ts" },
    "with a syntax error": { text: "\n\nexport default (message => {\n", says: "handler.ts:" },
    "without a default export": { text: "export const handler = () => 1;\n", says: "default function" },
    "whose default is no function": { text: "export default 42;\n", says: "default function" },
    "that throws when it is loaded": { text: '\nthrow new Error("no database");\n', says: "no database" },
    "that imports what is not there": {
      text: 'import "./nothing.ts";\nexport default () => 1;\n',
      says: "nothing.ts",
    },
  };
  for (const [what, { text, says }] of Object.entries(broken)) {
    test(`${what} is a one-line error that names the file`, async () => {
      using folder = new Folder();
      if (text !== undefined) folder.write("handler.ts", text);
      const path = join(folder.path, "handler.ts");
      const { out, err, code } = await run(["--port", "0", "--handler", path]);
      expect({ out, code }).toEqual({ out: "", code: 1 });
      expect(err).toMatch(oneLine);
      expect(err).toContain(path);
      expect(err).toContain(says);
    });
  }
});

describe("manager and processor as processes of their own, on RabbitMQ", () => {
  test("pass a message all the way, and print it", async () => {
    const broker = await (await sharedRabbitmq()).vhost();
    await using manager = await startWarren(
      ["--role", "manager", "--broker", broker, "--log-messages", "on"],
      {
        readyWhen: "ready",
      },
    );
    await using processor = await startWarren(["processor", "--broker", broker, "--log-messages", "on"]);
    await using anna = await connect(manager.wsUrl("/ws/anna?topic=colour.red"));
    await using ben = await connect(manager.wsUrl("/ws/ben?topic=colour.red"));
    await using carol = await connect(manager.wsUrl("/ws/carol"));
    // A group gets what is published once its queue is bound.
    await processor.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "the processor to be bound");
    anna.send("hello");
    expect(await anna.next()).toBe("processed message: hello");
    expect(await ben.next()).toBe("hello");
    expect(await ben.next()).toBe("processed message: hello");
    expect(carol.received).toEqual([]);
    await manager.waitForLog(
      ({ msg, client }) => msg === "client sent" && client === "anna",
      "what was sent",
    );
    await manager.waitForLog(
      ({ msg, topic }) => msg === "came back" && topic === "colour.red",
      "what came back",
    );
    await processor.waitForLog(({ msg }) => msg === "received", "what was received");
    await processor.waitForLog(({ msg }) => msg === "sends", "what is sent");
  });

  test("in any number: managers act as one, processors of a group share", async () => {
    const broker = await (await sharedRabbitmq()).vhost();
    const start = async (role: string, ...args: string[]) => {
      const warren = await startWarren(["--role", role, "--broker", broker, ...args]);
      await warren.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "all is in force", 20_000);
      return warren;
    };
    await using one = await start("manager");
    await using two = await start("manager", "--plain-copies", "off");
    await using _worker = await start("processor");
    await using _sameGroup = await start("processor");
    await using anna = await connect(one.wsUrl("/ws"));
    await using ben = await connect(two.wsUrl("/ws"));
    const sent = Array.from({ length: 500 }, (_, index) => `message ${index}`);
    for (const text of sent) {
      anna.send(`anna's ${text}`);
      ben.send(`ben's ${text}`);
    }
    const all = (prefix: string) => sent.map((text) => `${prefix}${text}`);
    for (const [client, own, others] of [
      [anna, "anna's ", "ben's "],
      [ben, "ben's ", "anna's "],
    ] as const) {
      const received = (prefix: string) => client.received.filter((text) => String(text).startsWith(prefix));
      await untilCount(() => received("processed message: ").length, 1000, "all answers");
      expect(received(others)).toEqual(all(others));
      expect(received(own)).toEqual([]);
      // Two processors work side by side, so the answers come in any order.
      expect(received("processed message: anna").sort()).toEqual(all("processed message: anna's ").sort());
      expect(received("processed message: ben").sort()).toEqual(all("processed message: ben's ").sort());
    }
  });

  test("the manager serves its clients, and says that it is not ready, where RabbitMQ is not there", async () => {
    await using manager = await startWarren([
      "--role",
      "manager",
      "--broker",
      "amqp://guest:secret@127.0.0.1:1",
      "--stop-timeout",
      "100ms",
    ]);
    await using anna = await connect(manager.wsUrl("/ws"));
    await using ben = await connect(manager.wsUrl("/ws"));
    anna.send("hello");
    expect(await ben.next()).toBe("hello");
    const readiness = await fetch(new URL("/readyz", manager.url));
    expect(readiness.status).toBe(503);
    expect(await readiness.json()).toMatchObject({
      ready: false,
      why: expect.stringContaining("not connected"),
    });
    expect(JSON.stringify(manager.log)).not.toContain("secret");
    const complaints = manager.log.filter(({ level }) => level === "warn");
    // One line, though both of its connections have nowhere to go.
    expect(complaints).toHaveLength(1);
  });

  test("stop within --stop-timeout and half a second when RabbitMQ's answers vanish on the way", async () => {
    await using proxy = await FaultyProxy.start(await (await sharedRabbitmq()).vhost());
    const stopTimeoutMs = 1000;
    const start = (role: string) => {
      const args = ["--role", role, "--broker", proxy.url, "--stop-timeout", `${stopTimeoutMs}ms`];
      return startWarren(args);
    };
    await using manager = await start("manager");
    await using processor = await start("processor");
    await using all = await start("all");
    const processes = [manager, processor, all];
    for (const warren of processes)
      await warren.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "all is in force", 20_000);
    proxy.freeze("toBroker", "toWarren");
    // One that has not even got a connection yet.
    await using late = await start("processor");
    await using anna = await connect(manager.wsUrl("/ws"));
    await using ben = await connect(manager.wsUrl("/ws"));
    anna.send("nobody confirms this");
    await ben.next();
    for (const warren of [...processes, late]) {
      const signalledMs = performance.now();
      expect(await warren.stop()).toBe(0);
      expect(performance.now() - signalledMs).toBeLessThan(stopTimeoutMs + 500);
    }
    expect((await anna.closed).code).toBe(1001);
    proxy.cut();
  });

  const faults: Record<string, (url: string) => Promise<string>> = {
    "a wrong password": (url) => Promise.resolve(url.replace("guest:guest", "guest:wrong")),
    "an exchange of another type": async (url) => {
      const { connect: connectAmqp } = await import("amqplib");
      const connection = await connectAmqp(url);
      await (await connection.createChannel()).assertExchange("wsmanager", "direct");
      await connection.close();
      return url;
    },
  };
  for (const [what, prepare] of Object.entries(faults)) {
    for (const role of ["manager", "processor"]) {
      test(`${what} ends a ${role} with one line and exit code 1`, async () => {
        const broker = await prepare(await (await sharedRabbitmq()).vhost());
        const port = role === "manager" ? ["--port", "0"] : [];
        const { err, code } = await run(["--role", role, "--broker", broker, ...port]);
        expect(code).toBe(1);
        expect(err).toMatch(oneLine);
        expect(err).not.toContain("wrong@");
      });
    }
  }
});
