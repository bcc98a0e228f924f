import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectAmqp } from "amqplib";
import { projectFolder } from "../../build/compile.ts";
import { type Client, connect } from "../support/client.ts";
import { executable } from "../support/executable.ts";
import { removeAtExit } from "../support/leftovers.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { refusalOf } from "../support/refusal.ts";
import { ShownProgram } from "../support/shown-program.ts";
import { type Snippet, snippets } from "../support/snippets.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { hs256, signed } from "../unit/gateway/auth/signing.ts";

/**
 * The commands and the JSON of README.md and docs/ are run as they stand there, by bash, but for ports, places and names of other
 * machines. What needs a machine of its own (Docker, a cluster, systemd) has stand-ins, which show what they are asked for.
 * Commands of curl that say and hear messages are in snippets-run.test.ts.
 */
setDefaultTimeout(integrationTimeoutMs);

const stage = mkdtempSync(join(tmpdir(), "warren-commands-"));
removeAtExit(stage);
const bin = join(stage, "bin");
const started: ShownProgram[] = [];
let broker: string;

beforeAll(async () => {
  const warren = await executable();
  mkdirSync(bin);
  mkdirSync(join(stage, "dist"));
  symlinkSync(join(projectFolder, "ops"), join(stage, "ops"));
  const standIns = {
    // What is installed is small, and is Warren all the same.
    warren: `exec ${warren} "$@"`,
    sudo: 'exec "$@"',
    docker: 'echo docker "$@"',
    kubectl: 'echo kubectl "$@"',
    systemctl: 'echo systemctl "$@"',
    npx: `[ "$1" = wscat ] || exit 9; shift; exec ${process.execPath} ${join(stage, "wscat.js")} "$@"`,
  };
  for (const [name, script] of Object.entries(standIns)) makeProgram(join(bin, name), script);
  for (const place of ["warren", "dist/warren"]) symlinkSync(join(bin, "warren"), join(stage, place));
  writeFileSync(join(stage, "wscat.js"), wscat);
  broker = await (await sharedRabbitmq()).vhost();
});

afterEach(async () => {
  for (const each of started.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

afterAll(() => rmSync(stage, { recursive: true, force: true }));

/** As much of wscat as the documents use. */
const wscat = `
const [flag, url] = process.argv.slice(2);
if (flag !== "-c") throw new Error("what is " + flag + "?");
new WebSocket(url).onmessage = ({ data }) => console.log("< " + data);
`;

function makeProgram(path: string, script: string): void {
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

type Changes = readonly (readonly [shown: string, here: string])[];

/** The commands of a snippet, one a line, with what is elsewhere here. Each change is one that it needs. */
function linesOf({ place, code }: Snippet, changes: Changes = []): string[] {
  const changed = changes.reduce((text, [shown, here]) => {
    if (!text.includes(shown)) throw new Error(`${place} says nothing of ${shown}`);
    return text.replaceAll(shown, here);
  }, code);
  return changed.replaceAll("\\\n", " ").trim().split("\n").filter(Boolean);
}

function bash(script: string, folder: string): ShownProgram {
  const settings = `export PATH=${bin}:$PATH WARREN_PORT=0 WARREN_BROKER=${broker}`;
  const program = new ShownProgram(["bash", "-c", `${settings}\n${script}`], folder);
  started.push(program);
  return program;
}

/** Runs one line as it stands there, on a port that is free. */
const run = (line: string, folder = stage) => bash(`exec ${line}`, folder);

/** Runs lines to their end, and returns what they printed. */
async function runToEnd(lines: string, code = 0): Promise<string> {
  const program = bash(lines, stage);
  expect([lines, await program.exited]).toEqual([lines, code]);
  return program.printed.join("\n");
}

interface Addresses {
  readonly url: URL;
  /** Of the admin port, if it has one. */
  readonly admin: URL;
}

/** Where a program that was started listens, by its log. */
async function listening(program: ShownProgram): Promise<Addresses> {
  const line = await until(
    () => program.printed.find((each) => each.includes('"msg":"listening"')),
    "it listens",
  );
  const { url, admin = url } = JSON.parse(line) as { url: string; admin?: string };
  return { url: new URL(url), admin: new URL(admin) };
}

async function ready(program: ShownProgram): Promise<Addresses> {
  const addresses = await listening(program);
  await until(async () => (await fetch(new URL("/readyz", addresses.admin))).ok, "it is ready");
  return addresses;
}

const wsUrl = (url: URL, path: string) => new URL(path, url).href.replace(/^http/, "ws");

/** Says it again and again until the answer is there: nobody tells when a processor has come. */
async function untilAnswered(client: Client, text: string, answer = `processed message: ${text}`) {
  await until(() => {
    client.send(text);
    return client.received.includes(answer);
  }, answer);
}

/** What `npx wscat …` of a document is given leads to a client that hears its topic. */
async function hearsItsTopic(snippet: Snippet): Promise<void> {
  const { url } = await listening(run("warren"));
  const [line] = linesOf(snippet, [["127.0.0.1:8000", url.host]]);
  const heard = run(line!);
  await using other = await connect(wsUrl(url, "/ws?topic=colour.red"));
  await until(() => {
    other.send("crimson");
    return heard.printed.includes("< crimson");
  }, "it hears the topic");
}

/** How each snippet is run, by words that it alone has in its document. */
const runs: Readonly<Record<string, (snippet: Snippet) => Promise<void>>> = {
  "README.md: bun start": async (snippet) => {
    const [line] = linesOf(snippet, [["bun start ", `${process.execPath} run start --port 0 `]]);
    const program = run(line!.replace(/ +#.*/, ""), projectFolder);
    const { url } = await listening(program);
    expect(await (await fetch(url)).text()).toContain("<title>Warren</title>");
    process.kill(program.pid, "SIGTERM");
    expect(await program.exited).toBe(0);
  },
  "README.md: wscat": hearsItsTopic,
  "README.md: docker run": async (snippet) => {
    const amqp = "amqp://guest:guest@localhost:5672";
    const [docker, manager, processor] = linesOf(snippet, [
      [amqp, broker],
      ["--port 8000", "--port 0"],
    ]);
    // The broker's port is the one that the next lines go to.
    expect(await runToEnd(docker!)).toContain(`-p ${new URL(amqp).port}:`);
    const { url } = await ready(run(manager!));
    run(processor!);
    await using client = await connect(wsUrl(url, "/ws"));
    await untilAnswered(client, "hello");
  },
  "README.md: dist/warren bench": async (snippet) => {
    const { url } = await listening(run("warren --log-messages off"));
    const lines = linesOf(snippet, [
      // Less of everything: what it says of the result is what counts.
      ["--clients 500 --publishers 10 --rate 2000 --duration 10s", "--clients 20 --rate 200 --duration 1s"],
      ["127.0.0.1:8000", url.host],
    ]);
    const [plain, stomp] = [
      `${lines[0]} --url ${wsUrl(url, "/ws")}`,
      `${lines[1]} --duration 1s --clients 20`,
    ];
    expect(await runToEnd(plain)).toMatch(/lost +0 /);
    expect(await runToEnd(stomp)).toMatch(/lost +0 /);
  },
  "docs/control.md: openssl": async (snippet) => {
    const [key, serve, ask] = linesOf(snippet, [["--admin-port 9000", "--admin-port 0"]]);
    await runToEnd(key!);
    const { url, admin } = await ready(run(serve!));
    await using _anna = await connect(wsUrl(url, "/ws/anna"));
    const answer = await runToEnd(ask!.replace("127.0.0.1:9000", admin.host).replace("curl ", "curl -sS "));
    expect(JSON.parse(answer)).toMatchObject({ clients: [{ client: "anna" }] });
  },
  "docs/deploy.md: systemctl": async (snippet) => {
    const root = join(stage, "root");
    for (const folder of ["usr/local/bin", "usr/local/share/man/man1", "etc/systemd/system"])
      mkdirSync(join(root, folder), { recursive: true });
    const lines = linesOf(snippet, [
      [" /usr/local", ` ${root}/usr/local`],
      [" /etc", ` ${root}/etc`],
    ]);
    const said = await runToEnd(["set -e", ...lines].join("\n"));
    const [reload, enable] = said.split("\n");
    expect(reload).toBe("systemctl daemon-reload");
    const units = readdirSync(join(root, "etc/systemd/system"));
    for (const name of enable!.split(" ").slice(3))
      expect(units).toContain(name.includes(".") ? name : `${name}.service`);
    expect(readFileSync(join(root, "usr/local/share/man/man1/warren.1"), "utf8")).toStartWith(".TH");
    for (const role of ["manager", "processor"]) {
      const path = join(root, "etc/warren", `${role}.env`);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const unit = readFileSync(join(root, `etc/systemd/system/warren-${role}.service`), "utf8");
      expect(unit).toContain(`EnvironmentFile=-/etc/warren/${role}.env`);
      expect(readFileSync(path, "utf8")).toMatch(/^WARREN_BROKER=amqp:\S+\n$/);
    }
    expect(await runToEnd(`${root}/usr/local/bin/warren --version`)).toStartWith("warren ");
  },
  "docs/deploy.md: kubectl": async (snippet) => {
    const said = await runToEnd(linesOf(snippet).join("\n"));
    const manifests = readdirSync(join(projectFolder, "ops/kubernetes"))
      .map((name) => readFileSync(join(projectFolder, "ops/kubernetes", name), "utf8"))
      .join("\n");
    const [, secret] = /secret generic (\S+)/.exec(said)!;
    const [, key] = /--from-literal=(\w+)=/.exec(said)!;
    expect(manifests).toMatch(new RegExp(`secretName: ${secret}\\b|secretKeyRef: .*name: ${secret}\\b`));
    expect(manifests).toContain(key!);
    const [, deployment] = /deployment\/(\S+)/.exec(said)!;
    expect(manifests).toContain(`name: ${deployment}`);
    expect(statSync(join(stage, /apply -k (\S+)/.exec(said)![1]!)).isDirectory()).toBeTrue();
  },
  "docs/front-end.md: --allow-origin": async (snippet) => {
    const [line] = linesOf(snippet);
    const { url } = await listening(run(line!));
    const from = (origin: string) => ({ headers: { origin } });
    await using _theirs = await connect(wsUrl(url, "/ws"), from("https://app.example.com"));
    expect(await refusalOf(new URL("/ws", url), { origin: "https://other.example.com" })).toMatchObject({
      status: 403,
    });
  },
  "docs/internet.md: --jwks-url": async (snippet) => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const keys = [{ ...publicKey.export({ format: "jwk" }), kid: "one", alg: "ES256", use: "sig" }];
    await using issuer = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json({ keys }) });
    writeFileSync(join(stage, "password"), "guest\n");
    writeFileSync(join(stage, "admin-token"), "a-token-for-this-test-alone\n");
    const [line] = linesOf(snippet, [
      ["amqps://warren@rabbitmq.internal:5671", broker.replace("guest:guest@", "guest@")],
      ["https://login.example.com/keys", new URL("keys", issuer.url).href],
      ["/etc/warren", stage],
      ["--admin-port 9000", "--admin-port 0"],
    ]);
    const { url, admin } = await ready(run(line!));
    // "Then try it as a stranger", with the statuses that stand there.
    const [, none, topic, origin] = /\((\d+)\).*\((\d+)\).*\((\d+)\)/.exec(
      /Then try it as a stranger.*/.exec(readFileSync(join(projectFolder, "docs/internet.md"), "utf8"))![0],
    )!;
    const token = (sub: string) =>
      signed(
        {
          sub,
          ...{ iss: "https://login.example.com/", aud: "warren", exp: Math.floor(Date.now() / 1000) + 600 },
          warren: { subscribe: [`orders.${sub}`], publish: [`orders.${sub}`] },
        },
        privateKey,
        "ES256",
        { kid: "one" },
      );
    const handshake = {
      connection: "upgrade",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    const asked = async (path: string, headers: Record<string, string> = {}) =>
      String((await refusalOf(new URL(path, url), { ...handshake, ...headers })).status);
    expect(await asked("/ws?topic=orders.anna")).toBe(none!);
    const bearer = { authorization: `Bearer ${token("ben")}` };
    expect(await asked("/ws?topic=orders.anna", bearer)).toBe(topic!);
    expect(await asked("/ws?topic=orders.ben", { ...bearer, origin: "https://evil.example" })).toBe(origin!);
    await using _ben = await connect(wsUrl(url, "/ws?topic=orders.ben"), { headers: bearer });
    const metrics = await (await fetch(new URL("/metrics", admin))).text();
    expect(metrics).toMatch(/^warren_refused_total\{.*\} [1-9]/m);
    const authorization = "Bearer a-token-for-this-test-alone";
    expect((await fetch(new URL("/api/clients", admin), { headers: { authorization } })).status).toBe(200);
  },
  "docs/operations.md: dead-letters": async (snippet) => {
    // There is a queue of dead letters once there was a processor.
    await withProcessor("billing");
    const [list, show, ...others] = linesOf(snippet);
    expect(await runToEnd(list!)).toMatch(/^AGE +GROUP/);
    // There is no such message here.
    await runToEnd(show!, 1);
    for (const line of others) await runToEnd(line);
  },
  "docs/operations.md: warren groups": async (snippet) => {
    await withProcessor("old-reports");
    const [list, abandoned, remove, unused] = linesOf(snippet);
    expect(await runToEnd(list!)).toContain("old-reports");
    expect(await runToEnd(abandoned!)).not.toContain("old-reports");
    await runToEnd(remove!);
    await runToEnd(unused!);
    expect(await runToEnd(list!)).toContain("old-reports");
  },
  "docs/protocol.md: wscat": hearsItsTopic,
};

/** Runs in other tests. */
const elsewhere: Readonly<Record<string, string>> = {
  "README.md: bun run test": "this is it",
  "README.md: curl -N": "snippets-run.test.ts",
  "docs/protocol.md: curl -N": "snippets-run.test.ts",
};

/** A processor of this group was there, and has gone. */
async function withProcessor(group: string): Promise<void> {
  const processor = run(`warren processor --group ${group} --admin-port 0`);
  await until(
    () => processor.printed.some((line) => line.includes("connected to RabbitMQ")),
    "the processor is there",
  );
  await until(async () => (await runToEnd("warren groups list")).includes(group), "its group is known");
  process.kill(processor.pid, "SIGTERM");
  await processor.exited;
}

describe("commands in the documents do what they say", () => {
  const shown = snippets("sh");
  const keyIn = (keys: readonly string[], { place, code }: Snippet) =>
    keys.find((key) => {
      const [document, words] = key.split(/: (.*)/) as [string, string];
      return place.startsWith(`${document}:`) && code.includes(words);
    });
  const keys = [...Object.keys(runs), ...Object.keys(elsewhere)];

  test("and all of them are run, each snippet once", () => {
    expect(
      shown.map((snippet) => keyIn(keys, snippet) ?? `${snippet.place} is run by nothing`).toSorted(),
    ).toEqual(keys.toSorted());
  });

  test.each(
    shown.flatMap((snippet) => {
      const key = keyIn(Object.keys(runs), snippet);
      return key === undefined ? [] : [[key, snippet] as const];
    }),
  )("%s", async (key, snippet) => await runs[key]!(snippet));
});

describe("JSON in the documents is what it says", () => {
  const json = (document: string) =>
    snippets("json")
      .filter(({ place }) => place.startsWith(`${document}:`))
      .map(({ code }) => JSON.parse(code) as Record<string, unknown>);

  test("the tokens' claims let their bearer in, with the rights that they name", async () => {
    const secret = "a secret of more than thirty-two bytes";
    writeFileSync(join(stage, "secret"), secret);
    const { url } = await listening(run(`warren --auth jwt --jwt-secret-file ${stage}/secret`));
    const all = [...json("docs/front-end.md"), ...json("docs/protocol.md")];
    expect(all.length).toBe(2);
    for (const claims of all) {
      const { subscribe, publish } = claims["warren"] as Record<"subscribe" | "publish", readonly string[]>;
      const passcode = hs256({ ...claims, exp: Math.floor(Date.now() / 1000) + 600 }, secret);
      await using client = await connectStomp(wsUrl(url, "/ws"), { connectHeaders: { passcode } });
      expect((await client.connected).headers["client-id"]).toBe(String(claims["sub"]));
      await client.subscribe(`/topic/${subscribe[0]}`);
      await client.sendSafely(`/topic/${publish[0]!.replace("*", "red")}`, "allowed");
    }
  });

  test("the command disconnects the client that it names, and the event has the fields of a real one", async () => {
    const [command] = json("docs/control.md");
    const [event] = json("docs/events.md");
    const { url } = await ready(run("warren manager"));
    const connection = await connectAmqp(broker);
    try {
      const channel = await connection.createChannel();
      const { queue } = await channel.assertQueue("", { exclusive: true });
      await channel.bindQueue(queue, "wsmanager.events", "client.connected");
      const events: Record<string, unknown>[] = [];
      await channel.consume(queue, (message) => events.push(JSON.parse(String(message!.content))), {
        noAck: true,
      });
      await using client = await connectStomp(wsUrl(url, `/ws/${String(command!["client"])}`));
      const seen = await until(
        () => events.find((each) => each["client"] === command!["client"]),
        "the event",
      );
      const { address: _, ...fields } = seen;
      expect(Object.keys(fields)).toEqual(Object.keys(event!));
      expect(Object.values(fields).map((value) => typeof value)).toEqual(
        Object.values(event!).map((value) => typeof value),
      );
      channel.publish("wsmanager.control", "", Buffer.from(JSON.stringify(command)));
      expect(await client.closed).toBe(4410);
    } finally {
      await connection.close();
    }
  });
});
