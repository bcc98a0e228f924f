import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { UsageError } from "../../../src/errors.ts";
import { flagOf, variableOf } from "../../../src/options/names.ts";
import { parseCommand } from "../../../src/options/parse.ts";
import { type OptionName, optionTable } from "../../../src/options/table.ts";
import { anyCharacter } from "../doubles/arbitraries.ts";
import { rounds } from "../doubles/rounds.ts";
import { optionsOf, refusalOf } from "./parsing.ts";

describe("a bad value", () => {
  const whole = (from: number, to: number) => `must be a whole number from ${from} to ${to}`;
  test.each([
    ["--role", "server", "must be one of all, manager, processor, bench"],
    ["--role", "", "must be one of all, manager, processor, bench"],
    ["--role", "Manager", "must be one of all, manager, processor, bench"],
    ["--log-messages", "yes", "must be one of auto, on, off"],
    ["--log-format", "xml", "must be one of auto, text, json"],
    ["--log-level", "verbose", "must be one of debug, info, warn, error"],
    ["--port", "65536", whole(0, 65_535)],
    ["--port", "-1", whole(0, 65_535)],
    ["--port", "80a", whole(0, 65_535)],
    ["--port", "0x50", whole(0, 65_535)],
    ["--port", "8e3", whole(0, 65_535)],
    ["--port", "80.0", whole(0, 65_535)],
    ["--port", " 80", whole(0, 65_535)],
    ["--port", "", whole(0, 65_535)],
    ["--port", "99999999999999999999999", whole(0, 65_535)],
    ["--concurrency", "0", whole(1, 10_000)],
    ["--prefetch", "2001", whole(1, 2000)],
    ["--attempts", "0", whole(1, 100)],
    ["--host", "", "must not be empty"],
    ["--handler", "", "must not be empty"],
    ["--max-message-bytes", "0", "must be a size from 1 to 16MiB, such as 64KiB or 1MiB"],
    ["--max-message-bytes", "17MiB", "must be a size from 1 to 16MiB, such as 64KiB or 1MiB"],
    ["--max-message-bytes", "1MB", "must be a size from 1 to 16MiB, such as 64KiB or 1MiB"],
    ["--max-message-bytes", "1.5MiB", "must be a size from 1 to 16MiB, such as 64KiB or 1MiB"],
    ["--max-message-bytes", "1 MiB", "must be a size from 1 to 16MiB, such as 64KiB or 1MiB"],
    ["--outbox-max-bytes", "1KiB", "must be a size from 1MiB to 16GiB, such as 64KiB or 1MiB"],
    ["--client-buffer-bytes", "MiB", "must be a size from 16KiB to 1GiB, such as 64KiB or 1MiB"],
    ["--handler-timeout", "5ms", "must be a time from 10ms to 1d, such as 500ms, 10s or 5m"],
    ["--handler-timeout", "25h", "must be a time from 10ms to 1d, such as 500ms, 10s or 5m"],
    ["--handler-timeout", "1w", "must be a time from 10ms to 1d, such as 500ms, 10s or 5m"],
    ["--stop-timeout", "-1s", "must be a time from 0ms to 1h, such as 500ms, 10s or 5m"],
    ["--stop-timeout", "soon", "must be a time from 0ms to 1h, such as 500ms, 10s or 5m"],
    ["--plain-copies", "maybe", "must be on or off"],
    ["--plain-copies", "", "must be on or off"],
    ["--group", "", "must not be empty"],
    ["--group", "a b", "must be 1 to 200 letters, digits, dots, colons, hyphens or underscores"],
    ["--group", "ä", "must be 1 to 200 letters, digits, dots, colons, hyphens or underscores"],
    ["--group", "g\n", "must be 1 to 200 letters, digits, dots, colons, hyphens or underscores"],
    ["--group", "g".repeat(201), "must be 1 to 200 letters, digits, dots, colons, hyphens or underscores"],
    ["--group", "log", "must be another name: Warren keeps something of its own under this one"],
    ["--group", "groups", "must be another name: Warren keeps something of its own under this one"],
    ["--group", "dead", "must be another name: Warren keeps something of its own under this one"],
    ["--broker", "", "must be a list without empty items"],
    ["--broker", "amqp://a,,amqp://b", "must be a list without empty items"],
    ["--broker", "amqp://a,", "must be a list without empty items"],
    [
      "--allow-origin",
      "https://a.example/path",
      "must be origins like https://app.example.org, https://*.example.org or capacitor://localhost, without a path, or * or null",
    ],
    [
      "--allow-origin",
      "a.example",
      "must be origins like https://app.example.org, https://*.example.org or capacitor://localhost, without a path, or * or null",
    ],
    [
      "--allow-host",
      "https://a.example",
      "must be names like warren.example.org or *.example.org, without scheme and port, or *",
    ],
    ["--broker", "localhost", "must be memory: or URLs like amqp://user:password@host:5672/vhost"],
    ["--broker", "localhost:5672", "must be memory: or URLs like amqp://user:password@host:5672/vhost"],
    ["--broker", "http://localhost", "must be memory: or URLs like amqp://user:password@host:5672/vhost"],
    ["--broker", "amqp:localhost", "must be memory: or URLs like amqp://user:password@host:5672/vhost"],
    ["--broker", "amqp://", "must be memory: or URLs like amqp://user:password@host:5672/vhost"],
    ["--broker", "amqp://host:port", "must be memory: or URLs like amqp://user:password@host:5672/vhost"],
    ["--broker", "amqp://host#vhost", "must be memory: or URLs like amqp://user:password@host:5672/vhost"],
    ["--broker", "amqp://host?heartbeat=soon", "may have a heartbeat of 0 to 65535 seconds"],
    ["--broker", "amqp://host?heartbeat=65536", "may have a heartbeat of 0 to 65535 seconds"],
    [
      "--broker",
      "amqps://host?heartbeat=5&cacertfile=/ca.pem",
      "may have the parameter heartbeat, and not cacertfile: use --broker-ca",
    ],
    [
      "--broker",
      "amqps://host/v?verify=verify_none",
      "may have the parameter heartbeat, and not verify: leave it out, certificates are always checked",
    ],
    ["--broker", "amqp://host?connection_attempts=3", "may have the parameter heartbeat, and no other"],
    ["--broker", "memory", "must be memory: or URLs like amqp://user:password@host:5672/vhost"],
    [
      "--url",
      "http://localhost:8000",
      "must be a URL like ws://127.0.0.1:8000/ws or wss://gateway.example.org/ws",
    ],
    ["--url", "localhost:8000", "must be a URL like ws://127.0.0.1:8000/ws or wss://gateway.example.org/ws"],
  ])("%s=%j is refused, as a flag and as a variable", (flag, text, expected) => {
    expect(refusalOf([`${flag}=${text}`])).toBe(`${flag} ${JSON.stringify(text)}: ${expected}`);
    if (text === "") return;
    const name = (Object.keys(optionTable) as OptionName[]).find((each) => flagOf(each) === flag)!;
    const role = name === "role" ? {} : { WARREN_ROLE: optionTable[name].roles[0] };
    expect(refusalOf("", { ...role, [variableOf(name)]: text })).toBe(
      `${variableOf(name)} ${JSON.stringify(text)}: ${expected}`,
    );
  });

  test("that Kubernetes has set is refused with what to do about it", () => {
    expect(refusalOf("", { WARREN_PORT: "tcp://10.0.0.7:8000" })).toBe(
      'WARREN_PORT "tcp://10.0.0.7:8000": must be a whole number from 0 to 65535 (set by Kubernetes? then set enableServiceLinks: false)',
    );
  });

  test("that Kubernetes has set does not disturb a processor, which has no port", () => {
    expect(optionsOf("--role processor", { WARREN_PORT: "tcp://10.0.0.7:8000" }).role).toBe("processor");
  });

  test.each([
    [["--broker", "ftp://user:secret@host"]],
    [["--broker", "amqp://user:se/cret@host"]],
    [["--broker", "amqp://user:sec,ret@host"]],
    [["--broker", "amqp://user:sec@ret@host:x"]],
    [["--broker", "amqp://user:sec ret@host:x"]],
    [["--broker", "amqp://user:s#ecret@host"]],
    [["--broker", "amqp://user:1?secret&verify=secret@host"]],
    [["--broker", "amqp://user:1?heartbeat=secret@host"]],
    [["--broker", "amqp://user:1#secret@host"]],
    [["--broker=memory:,amqp://user:secret@host,bad"]],
    [["--broker", "amqp://one:secret@host,http://two:secret@host"]],
    [["amqp://user:secret@host"]],
    [["--url", "http://user:secret@host"]],
    [["--port", "amqp://user:secret@host"]],
    [["--plain-copies=amqp://user:secret@host"]],
  ])("tells no password: %j", (args) => {
    const message = refusalOf(args);
    expect(message).not.toMatch(/secret|cret@|ret@|sec[, @]/);
    expect(message).toInclude("***@");
  });

  test("of whatever text is a usage error of one line, never another error", () => {
    const names = Object.keys(optionTable) as OptionName[];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string({ unit: anyCharacter }), (name, text) => {
        try {
          parseCommand([`${flagOf(name)}=${text}`], {});
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          expect((error as UsageError).message).not.toInclude("\n");
        }
      }),
      rounds(200),
    );
  });
});

describe("memory:", () => {
  test.each(["manager", "processor"])("with --role %s is refused", (role) => {
    const expected = `--broker memory: lives in one process, so --role ${role} would be alone with it: use --role all, or an amqp:// URL`;
    expect(refusalOf(`--role ${role} --broker memory:`)).toBe(expected);
    expect(refusalOf("", { WARREN_ROLE: role, WARREN_BROKER: "memory:" })).toBe(expected);
  });

  test("is refused to managers that share a port: each would have clients of its own", () => {
    expect(refusalOf("--reuse-port")).toInclude("--reuse-port is for managers that share RabbitMQ");
    expect(optionsOf("--reuse-port --broker amqp://a").reusePort).toBe(true);
  });

  test.each(["memory:,amqp://a", "amqp://a,memory:", "memory:,memory:"])(
    "among others is refused: %s",
    (urls) => {
      expect(refusalOf(`--broker ${urls}`)).toBe(
        "--broker memory: cannot be mixed with other URLs: name one or the other",
      );
    },
  );

  test("for all is what it would be anyway", () => {
    expect(optionsOf("--broker memory:").broker).toEqual(["memory:"]);
  });
});
