import { describe, expect, test } from "bun:test";
import { type Option, roles } from "../../../src/options/kinds/option.ts";
import { flagOf, variableOf } from "../../../src/options/names.ts";
import { type OptionName, type Options, optionTable } from "../../../src/options/table.ts";
import { optionsOf, refusalOf } from "./parsing.ts";

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
