import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { UsageError } from "../../../src/errors.ts";
import { type Option, roles } from "../../../src/options/kinds/option.ts";
import { flagOf, variableOf } from "../../../src/options/names.ts";
import { parseCommand } from "../../../src/options/parse.ts";
import { type OptionName, type Options, optionTable } from "../../../src/options/table.ts";
import { anyCharacter } from "../doubles/arbitraries.ts";
import { seeded } from "../doubles/seeded.ts";

type Env = Readonly<Record<string, string | undefined>>;

function optionsOf(line: string, env: Env = {}): Options {
  const command = parseCommand(line.split(" ").filter(Boolean), env);
  if (command.do !== "run") throw new Error(`"${line}" asks for ${command.do}`);
  return command.options;
}

/** The usage error of a command line, which must be one line and tell no password. */
function refusalOf(args: string | readonly string[], env: Env = {}): string {
  try {
    parseCommand(typeof args === "string" ? args.split(" ").filter(Boolean) : args, env);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    expect(error.message).not.toInclude("\n");
    return error.message;
  }
  throw new Error(`not refused: ${JSON.stringify(args)} with ${JSON.stringify(env)}`);
}

describe("defaults", () => {
  test("of warren alone make a whole system in one process", () => {
    expect(optionsOf("")).toEqual({
      role: "all",
      broker: ["memory:"],
      brokerPasswordFile: undefined,
      brokerCa: undefined,
      brokerCert: undefined,
      brokerKey: undefined,
      host: "127.0.0.1",
      port: 8000,
      reusePort: false,
      adminPort: undefined,
      adminTokenFile: undefined,
      drainTimeMs: 0,
      adminHost: "127.0.0.1",
      tlsCert: undefined,
      tlsKey: undefined,
      auth: "none",
      jwtSecretFile: undefined,
      jwtPublicKeyFile: undefined,
      jwksUrl: undefined,
      jwksCa: undefined,
      jwksWithoutTls: false,
      jwtIssuer: undefined,
      jwtAudience: undefined,
      jwtClaim: "warren",
      jwtLeewayMs: 5000,
      handler: undefined,
      allowOrigin: undefined,
      allowHost: undefined,
      group: "processor",
      plainCopies: true,
      concurrency: 100,
      prefetch: 1000,
      prefetchBytes: 64 * 1024 ** 2,
      attempts: 3,
      handlerTimeoutMs: 30_000,
      maxMessageBytes: 1024 ** 2,
      maxHeaders: 100,
      maxHeaderBytes: 64 * 1024,
      maxSubscriptions: 100,
      clientsMemoryBytes: undefined,
      messageTimeoutMs: 60_000,
      maxTransactionBytes: 4 * 1024 ** 2,
      maxClients: undefined,
      maxClientsPerAddress: 0,
      maxConnectionsPerSecond: 10_000,
      trustProxy: undefined,
      handshakeTimeoutMs: 10_000,
      maxMessagesPerSecond: 10_000,
      maxBytesPerSecond: 64 * 1024 ** 2,
      clientInputBytes: 64 * 1024,
      floodTimeoutMs: 30_000,
      pingIntervalMs: 18_000,
      clientBufferBytes: 4 * 1024 ** 2,
      outboxMaxBytes: 64 * 1024 ** 2,
      log: "on",
      queueMaxBytes: 1024 ** 3,
      logMaxBytes: 1024 ** 3,
      logMaxAgeMs: 7 * 86_400_000,
      idempotencyWindowMs: 120_000,
      idempotencyMaxBytes: 64 * 1024 ** 2,
      lastValuesMaxBytes: 32 * 1024 ** 2,
      logMemoryBytes: 32 * 1024 ** 2,
      stopTimeoutMs: 10_000,
      traceSample: 0,
      otlpUrl: undefined,
      logMessages: "auto",
      logFormat: "auto",
      logLevel: "info",
      url: ["ws://127.0.0.1:8000/ws"],
      clients: 100,
      publishers: 10,
      rate: 1000,
      size: 64,
      durationMs: 10_000,
      protocol: "text",
      receipts: false,
      durable: false,
      reconnectEveryMs: undefined,
      stay: false,
      json: false,
    } satisfies Options);
  });

  test.each(["manager", "processor"])("of --role %s connect to RabbitMQ on this machine", (role) => {
    expect(optionsOf(`--role ${role}`).broker).toEqual(["amqp://guest:guest@localhost:5672"]);
  });

  test("written as a flag again mean the same", () => {
    for (const name of Object.keys(optionTable) as OptionName[]) {
      const { kind, default: fallback } = optionTable[name] as unknown as Option<unknown>;
      if (fallback !== undefined) expect([name, kind.parse(kind.show(fallback))]).toEqual([name, fallback]);
    }
  });
});

describe("every option", () => {
  /** A text that is not the default, for each. */
  const given: Readonly<Record<Exclude<OptionName, "role">, readonly [text: string, value: unknown]>> = {
    broker: ["amqp://a,amqps://b/v", ["amqp://a", "amqps://b/v"]],
    brokerPasswordFile: ["./password", "./password"],
    brokerCa: ["./ca.pem", "./ca.pem"],
    brokerCert: ["./client.pem", "./client.pem"],
    brokerKey: ["./client.key", "./client.key"],
    host: ["0.0.0.0", "0.0.0.0"],
    port: ["0", 0],
    reusePort: ["on", true],
    adminPort: ["0", 0],
    adminTokenFile: ["./token", "./token"],
    drainTimeMs: ["30s", 30_000],
    adminHost: ["0.0.0.0", "0.0.0.0"],
    tlsCert: ["./cert.pem", "./cert.pem"],
    tlsKey: ["./key.pem", "./key.pem"],
    auth: ["jwt", "jwt"],
    jwtSecretFile: ["./secret", "./secret"],
    jwtPublicKeyFile: ["./key.pub", "./key.pub"],
    jwksUrl: ["https://id.example/jwks", "https://id.example/jwks"],
    jwksCa: ["./ca.pem", "./ca.pem"],
    jwksWithoutTls: ["on", true],
    jwtIssuer: ["https://id.example,other", ["https://id.example", "other"]],
    jwtAudience: ["warren,other", ["warren", "other"]],
    jwtClaim: ["https://id.example/rights", "https://id.example/rights"],
    jwtLeewayMs: ["30", 30_000],
    handler: ["./work.ts", "./work.ts"],
    group: ["billing.v2", "billing.v2"],
    plainCopies: ["off", false],
    concurrency: ["7", 7],
    prefetch: ["2000", 2000],
    prefetchBytes: ["1MiB", 1024 ** 2],
    attempts: ["1", 1],
    handlerTimeoutMs: ["250ms", 250],
    allowOrigin: ["https://a.example/,null,*", ["https://a.example/", "null", "*"]],
    allowHost: ["a.example,*.b.example", ["a.example", "*.b.example"]],
    maxMessageBytes: ["64KiB", 65_536],
    maxHeaders: ["10", 10],
    maxHeaderBytes: ["1KiB", 1024],
    maxSubscriptions: ["7", 7],
    clientsMemoryBytes: ["2GiB", 2 * 1024 ** 3],
    messageTimeoutMs: ["90s", 90_000],
    maxTransactionBytes: ["64KiB", 65_536],
    maxClients: ["7", 7],
    maxClientsPerAddress: ["7", 7],
    maxConnectionsPerSecond: ["0", 0],
    trustProxy: ["10.0.0.0/8,::1", ["10.0.0.0/8", "::1"]],
    handshakeTimeoutMs: ["3", 3000],
    maxMessagesPerSecond: ["0", 0],
    maxBytesPerSecond: ["1MiB", 1024 ** 2],
    clientInputBytes: ["32KiB", 32 * 1024],
    floodTimeoutMs: ["1m", 60_000],
    pingIntervalMs: ["1m", 60_000],
    clientBufferBytes: ["1GiB", 1024 ** 3],
    outboxMaxBytes: ["1048576", 1024 ** 2],
    log: ["off", "off"],
    queueMaxBytes: ["2GiB", 2 * 1024 ** 3],
    logMaxBytes: ["20MiB", 20 * 1024 ** 2],
    logMaxAgeMs: ["2d", 2 * 86_400_000],
    idempotencyWindowMs: ["5m", 300_000],
    idempotencyMaxBytes: ["1MiB", 1024 ** 2],
    lastValuesMaxBytes: ["2MiB", 2 * 1024 ** 2],
    logMemoryBytes: ["64KiB", 65_536],
    stopTimeoutMs: ["1.5", 1500],
    traceSample: ["100", 100],
    otlpUrl: ["http://localhost:4318", "http://localhost:4318"],
    logMessages: ["off", "off"],
    logFormat: ["json", "json"],
    logLevel: ["debug", "debug"],
    url: ["ws://a:9000/ws?topic=a,ws://b/ws?topic=a", ["ws://a:9000/ws?topic=a", "ws://b/ws?topic=a"]],
    clients: ["0", 0],
    publishers: ["3", 3],
    rate: ["20000", 20_000],
    size: ["1KiB", 1024],
    durationMs: ["5m", 300_000],
    protocol: ["stomp", "stomp"],
    receipts: ["on", true],
    durable: ["on", true],
    reconnectEveryMs: ["100ms", 100],
    stay: ["on", true],
    json: ["on", true],
  };
  const names = Object.keys(given) as (keyof typeof given)[];
  const amqps = "--broker amqps://user@a";
  const secret = "--jwt-secret-file ./secret";
  /** What some mean nothing without. */
  const beside: Partial<Record<OptionName, string>> = {
    brokerPasswordFile: "--broker amqp://user@a",
    brokerCa: amqps,
    brokerCert: `${amqps} --broker-key ./key`,
    brokerKey: `${amqps} --broker-cert ./cert`,
    reusePort: "--broker amqp://a",
    tlsCert: "--tls-key ./key",
    tlsKey: "--tls-cert ./cert",
    auth: secret,
    jwtSecretFile: "--auth jwt",
    jwtPublicKeyFile: "--auth jwt",
    jwksUrl: "--auth jwt",
    jwksCa: "--auth jwt --jwks-url https://id.example/jwks",
    jwtIssuer: `--auth jwt ${secret}`,
    jwtAudience: `--auth jwt ${secret}`,
  };

  test("is in this list", () => {
    expect(["role", ...names].sort()).toEqual(Object.keys(optionTable).sort());
  });

  test.each(names)("%s is a flag and an environment variable", (name) => {
    const [text, value] = given[name];
    const role = optionTable[name].roles[0];
    const isSwitch = optionTable[name].kind.placeholder === "";
    const others = beside[name] ?? "";
    const asFlag = optionsOf(`--role ${role} ${flagOf(name)}${isSwitch ? "" : ` ${text}`} ${others}`);
    expect(asFlag[name]).toEqual(value as never);
    const withEquals = optionsOf(`--role=${role} ${flagOf(name)}=${text} ${others}`);
    expect(withEquals[name]).toEqual(value as never);
    const asVariable = optionsOf(others, { WARREN_ROLE: role, [variableOf(name)]: text });
    expect(asVariable[name]).toEqual(value as never);
  });

  test.each(names)("%s as a flag wins over its variable, even over a bad one", (name) => {
    const [text, value] = given[name];
    const role = optionTable[name].roles[0];
    const options = optionsOf(`--role ${role} ${flagOf(name)}=${text} ${beside[name] ?? ""}`, {
      [variableOf(name)]: "\u0000",
    });
    expect(options[name]).toEqual(value as never);
  });

  test.each(names)("%s from an empty variable is its default", (name) => {
    expect(optionsOf("", { [variableOf(name)]: "" })[name]).toEqual(optionsOf("")[name] as never);
  });

  test.each(names.filter((name) => optionTable[name].roles.length < roles.length))(
    "%s given to a role that has no use for it is refused, and its variable is ignored there",
    (name) => {
      const [text] = given[name];
      const other = roles.find((role) => !(optionTable[name].roles as readonly string[]).includes(role))!;
      const message = refusalOf(`--role ${other} ${flagOf(name)}=${text}`);
      expect(message).toStartWith(`${flagOf(name)} means nothing to --role ${other}: it is for `);
      expect(optionsOf(`--role ${other}`, { [variableOf(name)]: "\u0000" }).role).toBe(other);
    },
  );

  test.each(names.filter((name) => optionTable[name].kind.placeholder !== ""))(
    "%s without a value is refused, last or before another flag",
    (name) => {
      const expected = `${flagOf(name)} needs a value: ${flagOf(name)} ${optionTable[name].kind.placeholder}`;
      expect(refusalOf(flagOf(name))).toBe(expected);
      expect(refusalOf(`${flagOf(name)} --role manager`)).toBe(expected);
    },
  );

  const two = {
    broker: ["amqp://a", "amqp://b"],
    allowOrigin: ["http://a", "http://b"],
    allowHost: ["a", "b"],
    trustProxy: ["10.0.0.1", "10.0.0.2"],
    jwtIssuer: ["https://a", "https://b"],
    jwtAudience: ["a", "b"],
    url: ["ws://a", "ws://b"],
  } as const;

  test.each(Object.keys(two) as (keyof typeof two)[])("%s given twice adds up, being a list", (name) => {
    const flags = two[name].map((value) => `${flagOf(name)}=${value}`);
    const role = name === "url" ? "bench" : "all";
    const values = optionsOf(["--role", role, ...flags, beside[name] ?? ""].join(" "));
    expect(values[name]).toEqual([...two[name]]);
  });

  test.each(names.filter((name) => !(name in two)))("%s given twice is refused", (name) => {
    const [text] = given[name];
    expect(refusalOf(`${flagOf(name)}=${text} ${flagOf(name)}=${text}`)).toBe(
      `${flagOf(name)} is given twice: keep one of them`,
    );
  });
});

describe("a flag that there is not", () => {
  test.each([
    ["--brokr", "--broker"],
    ["--prot", "--port"],
    ["--loglevel", "--log-level"],
    ["--log_format", "--log-format"],
    ["--handlers", "--handler"],
    ["--hepl", "--help"],
    ["--versoin", "--version"],
  ])("%s is refused with the suggestion of %s", (given, meant) => {
    expect(refusalOf(`${given}=x`)).toBe(`unknown flag ${given} (did you mean ${meant}?); see warren --help`);
  });

  test.each(["--nothing-like-it", "--constructor", "--__proto__", "--toString", "-x"])(
    "%s is refused without one",
    (given) => {
      expect(refusalOf(given)).toBe(`unknown flag ${given}; see warren --help`);
    },
  );

  test("of an earlier version is refused with what became of it", () => {
    expect(refusalOf("--role manager --packed")).toInclude(
      "--packed is gone: Warren's roles always speak packed",
    );
    const command = parseCommand([], { WARREN_PACKED: "on" });
    expect(command.do === "run" ? command.warnings : []).toEqual([
      expect.stringContaining("WARREN_PACKED is gone: Warren's roles always speak packed"),
    ]);
  });

  test("is refused though the environment is in order", () => {
    expect(refusalOf("--bogus-flag 1", { WARREN_PORT: "9000" })).toInclude("unknown flag --bogus-flag");
  });
});

const whatIsUnderstood =
  "options start with --, and a command (all, manager, processor, bench, dead-letters, groups, completion, manual, help, version) comes first; see warren --help";

test.each(["start", "8000", "-- manager", "--json off", "--port 1 manager"])(
  "a word that belongs to no flag is refused: %s",
  (line) => {
    const word = line.split(" ").at(-1);
    expect(refusalOf(line)).toBe(`"${word}" is not understood: ${whatIsUnderstood}`);
  },
);

test.each([
  ["grops list", "grops", "groups"],
  ["manger --port 1", "manger", "manager"],
  ["deadletters", "deadletters", "dead-letters"],
  ["complete bash", "complete", undefined],
])("a command that there is not is refused with the one that is near: %s", (line, word, meant) => {
  const hint = meant === undefined ? "" : ` (did you mean ${meant}?)`;
  expect(refusalOf(line)).toBe(`"${word}" is not understood${hint}: ${whatIsUnderstood}`);
});

describe("a command", () => {
  test.each(["all", "manager", "processor", "bench"])("%s is the same as that role", (role) => {
    expect(optionsOf(`${role} --log-level debug`)).toEqual(optionsOf(`--role ${role} --log-level debug`));
  });

  test("that is a role goes with no other --role", () => {
    expect(refusalOf("bench --role manager")).toBe("--role is given twice: keep one of them");
  });

  test.each(["help", "version"] as const)("%s is the same as --%s", (word) => {
    expect(parseCommand([word], {})).toEqual({ do: word });
  });

  test.each(["dead-letters", "groups"])("%s has arguments of its own", (word) => {
    expect(parseCommand([word, "list", "--json"], {}) as unknown).toEqual({
      do: word,
      args: ["list", "--json"],
    });
  });
});

describe("a variable that begins with WARREN_ and is no option", () => {
  const warningsOf = (env: Record<string, string>) => {
    const command = parseCommand([], env);
    return command.do === "run" ? command.warnings : [];
  };

  test("is warned of, with the nearest that is", () => {
    expect(warningsOf({ WARREN_BROCKER: "amqp://a", WARREN_COLOUR: "red", WARREN_PORT: "0" })).toEqual([
      "the environment variable WARREN_BROCKER means nothing to Warren: did you mean WARREN_BROKER?",
      "the environment variable WARREN_COLOUR means nothing to Warren",
    ]);
  });

  test("is not warned of where Kubernetes sets it for a service that is called warren", () => {
    expect(
      warningsOf({
        WARREN_SERVICE_HOST: "10.0.0.1",
        WARREN_SERVICE_PORT: "8000",
        WARREN_SERVICE_PORT_HTTP: "8000",
        WARREN_PORT_8000_TCP: "tcp://10.0.0.1:8000",
        WARREN_PORT_8000_TCP_ADDR: "10.0.0.1",
      }),
    ).toEqual([]);
  });
});

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
      { ...seeded, numRuns: 200 },
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

describe("values", () => {
  test.each([
    ["1", true],
    ["true", true],
    ["ON", true],
    ["yes", true],
    ["0", false],
    ["False", false],
    ["off", false],
    ["no", false],
  ])("WARREN_PLAIN_COPIES=%s is %p", (text, expected) => {
    expect(optionsOf("", { WARREN_PLAIN_COPIES: text }).plainCopies).toBe(expected);
  });

  test("a switch can be turned off against its variable", () => {
    expect(optionsOf("--plain-copies=off", { WARREN_PLAIN_COPIES: "on" }).plainCopies).toBe(false);
  });

  test("several brokers may have spaces between them", () => {
    expect(optionsOf("", { WARREN_BROKER: "amqp://a, amqp://b" }).broker).toEqual(["amqp://a", "amqp://b"]);
  });

  test("a bare number is seconds", () => {
    expect(optionsOf("--handler-timeout 2").handlerTimeoutMs).toBe(2000);
  });
});

describe("help and version", () => {
  test.each(["--help", "-h"])("%s is help, whatever comes with it before or after", (flag) => {
    expect(parseCommand([flag], {})).toEqual({ do: "help" });
    expect(parseCommand(["--port", "1", flag, "--bogus"], { WARREN_PORT: "bad" })).toEqual({ do: "help" });
  });

  test.each(["--version", "-v"])("%s is the version", (flag) => {
    expect(parseCommand([flag], {})).toEqual({ do: "version" });
  });
});
