import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { Auth } from "../../src/gateway/auth/auth.ts";
import { snippetsFor } from "../../static/session/snippets.ts";
import { connect } from "../support/client.ts";
import { executable } from "../support/executable.ts";
import { need, pythonWithWebsocket } from "../support/requirements.ts";
import { run } from "../support/run.ts";
import { ShownProgram } from "../support/shown-program.ts";
import { type Snippet, snippets } from "../support/snippets.ts";
import { optionsOf, QuietLogger, type System, startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";
import { claims, hs256 } from "../unit/gateway/auth/signing.ts";

/**
 * The snippets of README.md and docs/ are run as they stand there, each as a program of its own, against a Warren on another port. What
 * needs RabbitMQ is in python-rabbitmq.test.ts and examples-rabbitmq.test.ts.
 */
setDefaultTimeout(integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-snippets-run-"));
const started: AsyncDisposable[] = [];
let system: System;

beforeAll(() => {
  symlinkSync(join(projectFolder, "node_modules"), join(folder, "node_modules"));
  // React itself is not among what Warren needs.
  writeFileSync(join(folder, "react.js"), react);
  writeFileSync(
    join(folder, "tsconfig.json"),
    '{ "compilerOptions": { "paths": { "react": ["./react.js"] } } }',
  );
  system = startSystem();
});

afterEach(async () => {
  for (const each of started.splice(0)) await each[Symbol.asyncDispose]();
});

afterAll(async () => {
  await system[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** As much of React as a hook sees of it: one component, drawn again when something of it has changed, whose result is printed. */
const react = `
const hooks = [];
let component, next, effects, isPlanned = false;
const own = (make) => hooks[next++] ??= make();
const plan = () => {
  if (!isPlanned) queueMicrotask(draw);
  isPlanned = true;
};
function draw() {
  [isPlanned, next, effects] = [false, 0, []];
  console.log("shown", component());
  for (const effect of effects) effect();
}
export const render = (given) => {
  component = given;
  draw();
};
export const useState = () => {
  const state = own(() => ({ set: (value) => plan((state.value = value)) }));
  return [state.value, state.set];
};
export const useSyncExternalStore = (subscribe, get) => {
  own(() => ({ end: subscribe(plan) }));
  return get();
};
export const useEffect = (effect, dependencies) => {
  const last = own(() => ({}));
  if (last.dependencies?.every((each, index) => Object.is(each, dependencies[index]))) return;
  last.dependencies = dependencies;
  effects.push(() => {
    last.end?.();
    last.end = effect();
  });
};
`;

/** What the documents suppose to be there: a client that is connected. */
const connected = (headers = "{}") => `
import { Client as Stomp } from "@stomp/stompjs";
const client = new Stomp({ brokerURL: "ws://127.0.0.1:8000/ws", connectHeaders: ${headers} });
await new Promise((resolve) => { client.onConnect = resolve; client.activate(); });
`;

/** What browsers have and Bun has not: both as they are specified, as far as the snippets use them. */
const storage = `
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
const storageFile = import.meta.dir + "/storage.json";
const stored = existsSync(storageFile) ? JSON.parse(readFileSync(storageFile, "utf8")) : {};
globalThis.localStorage = {
  getItem: (key) => stored[key] ?? null,
  setItem: (key, value) => {
    stored[key] = value;
    writeFileSync(storageFile + ".next", JSON.stringify(stored));
    renameSync(storageFile + ".next", storageFile);
    console.log("stored");
  },
};
`;
const eventSource = `
globalThis.EventSource = class {
  constructor(url) { void this.read(url); }
  async read(url) {
    const { body } = await fetch(url, { headers: { accept: "text/event-stream" } });
    let rest = "";
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      const events = (rest + text).split("\\n\\n");
      rest = events.pop();
      for (const event of events) {
        const field = (name) => new RegExp("^" + name + ": ?(.*)$", "m").exec(event)?.[1];
        if (field("data") !== undefined) this.onmessage({ data: field("data"), lastEventId: field("id") });
      }
    }
  }
};
`;

/** Starts a snippet where it says 127.0.0.1:8000, and prints what it prints. */
function runSnippet(
  { place, code }: Snippet,
  beside: { before?: string; after?: string; url?: URL } = {},
): ShownProgram {
  const { before = "", after = "", url = system.url } = beside;
  const own = join(folder, place.replaceAll(/[/:.]/g, "-"));
  mkdirSync(own, { recursive: true });
  const file = join(own, "snippet.js");
  writeFileSync(file, `${before}\n${code}\n${after}`.replaceAll("127.0.0.1:8000", url.host));
  const program = new ShownProgram([process.execPath, "run", file], folder);
  started.push(program);
  return program;
}

/** Other clients say it, again and again until it was heard: nobody tells when a snippet has subscribed. */
async function sayUntilHeard(
  topic: string,
  body: string,
  program: ShownProgram,
  heard = body,
): Promise<void> {
  await using other = await connect(system.wsUrl(`/ws?topic=${topic}`));
  await until(() => {
    other.send(body);
    return program.printed.includes(heard);
  }, `${heard} to be heard`);
}

/** How each snippet in JavaScript is run, by words that it alone has in its document. */
const runs: Readonly<Record<string, (snippet: Snippet) => Promise<void>>> = {
  'README.md: "x-stream-offset": "last"': async (snippet) => {
    const program = runSnippet(snippet);
    await program.prints("two coffees");
    await program.prints("processed message: two coffees");
  },
  "README.md: const show": async (snippet) => {
    await using other = await connect(system.wsUrl("/ws/ben?topic=chat.lobby"));
    other.send("who is there?");
    expect(await other.next()).toBe("processed message: who is there?");
    const program = runSnippet(snippet, { before: connected() });
    await program.prints("ben: who is there?");
    await until(() => program.printed.some((line) => line.endsWith(": hello")), "its own line");
  },
  "README.md: /direct": async (snippet) => {
    const notifying = startSystem([], ({ text }) => ({ to: { client: "anna" }, body: text }));
    started.unshift(notifying);
    // She is not there yet.
    const sent = await fetch(new URL("/topics/orders", notifying.url), {
      method: "POST",
      body: "your order is ready",
      headers: { "content-type": "text/plain" },
    });
    expect(sent.status).toBe(200);
    const before = connected().replace("/ws", "/ws/anna");
    await runSnippet(snippet, { before, url: notifying.url }).prints("your order is ready");
  },
  "README.md: /temp-queue/mine": async (snippet) => {
    await runSnippet(snippet, { before: connected() }).prints("1 processed message: coffee");
  },
  "docs/front-end.md: onStompError": async (snippet) => {
    await runSnippet(snippet).prints("/topic/orders.new processed message: two coffees");
  },
  "docs/front-end.md: localStorage": async (snippet) => {
    const first = runSnippet(snippet, { before: storage });
    await sayUntilHeard("orders.away", "before", first);
    // It prints a message before it keeps its place.
    await first.prints("stored");
    await first[Symbol.asyncDispose]();
    await using other = await connect(system.wsUrl("/ws?topic=orders.away"));
    other.send("meanwhile");
    expect(await other.next()).toBe("processed message: meanwhile");
    const second = runSnippet(snippet, { before: storage });
    await second.prints("processed message: meanwhile");
    expect(second.printed.filter((line) => line === "meanwhile")).toHaveLength(1);
  },
  "docs/front-end.md: order-17": async (snippet) => {
    await runSnippet(snippet, { before: connected() }).prints("safe");
  },
  "docs/front-end.md: /temp-queue/prices": async (snippet) => {
    await runSnippet(snippet, { before: connected() }).prints("1 processed message: coffee");
  },
  "docs/front-end.md: beforeConnect": async (snippet) => {
    const { guarded, token } = await startGuarded();
    using login = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(token) });
    const code = snippet.code
      .replace("wss://app.example.com", "ws://127.0.0.1:8000")
      .replace('"/token"', JSON.stringify(new URL("/token", login.url).href));
    const after = 'client.onConnect = ({ headers }) => console.log("connected as", headers["client-id"]);';
    await runSnippet({ ...snippet, code }, { after, url: guarded.url }).prints("connected as anna");
  },
  "docs/front-end.md: useTopic": async (snippet) => {
    // It is drawn before there is a connection, and outlives the first one.
    const after = `
import { render } from "react";
process.on("SIGUSR2", () => { client.forceDisconnect(); console.log("cut off"); });
render(() => useTopic("orders.react"));
`;
    const program = runSnippet(snippet, { after });
    await program.prints("shown undefined");
    await sayUntilHeard("orders.react", "espresso", program, "shown espresso");
    process.kill(program.pid, "SIGUSR2");
    await program.prints("cut off");
    await using other = await connect(system.wsUrl("/ws?topic=orders.react"));
    other.send("ristretto");
    await program.prints("shown processed message: ristretto");
  },
  "docs/protocol.md: new WebSocket(": async (snippet) => {
    await runSnippet(snippet).prints("processed message: hello");
  },
  "docs/protocol.md: shade": async (snippet) => {
    const program = runSnippet(snippet);
    await program.prints("RabbitMQ has it");
    await program.prints("/topic/colour.red processed message: crimson");
  },
  "docs/protocol.md: where this page has got to": async (snippet) => {
    const before = `
import { Client as Stomp } from "@stomp/stompjs";
const client = new Stomp({ brokerURL: "ws://127.0.0.1:8000/ws", reconnectDelay: 50 });
process.on("SIGUSR2", () => { client.forceDisconnect(); console.log("cut off"); });
`;
    const program = runSnippet(snippet, { before, after: "client.activate();" });
    await sayUntilHeard("colour.blue", "first", program);
    process.kill(program.pid, "SIGUSR2");
    await program.prints("cut off");
    await using other = await connect(system.wsUrl("/ws?topic=colour.blue"));
    other.send("meanwhile");
    await program.prints("processed message: meanwhile");
    expect(program.printed.filter((line) => line === "meanwhile")).toHaveLength(1);
  },
  "docs/protocol.md: newToken": async (snippet) => {
    const { guarded, token } = await startGuarded();
    const before = `${connected(`{ passcode: "${token}" }`)}
const newToken = "${token}";
client.watchForReceipt("renewed", () => console.log("renewed"));`;
    await runSnippet(snippet, { before, url: guarded.url }).prints("renewed");
  },
  "docs/protocol.md: new EventSource": async (snippet) => {
    const program = runSnippet(snippet, { before: eventSource });
    await until(
      () => program.printed.some((line) => /^\S+ processed message: 1 pizza$/.test(line)),
      "the answer",
    );
  },
  "docs/protocol.md: /temp-queue/mine": async (snippet) => {
    await runSnippet(snippet, { before: connected() }).prints("1 processed message: EUR");
  },
  "docs/protocol.md: randomUUID": async (snippet) => {
    const before = `${connected()}client.watchForReceipt("r-1", () => console.log("confirmed"));`;
    await runSnippet(snippet, { before }).prints("confirmed");
  },
};

async function startGuarded() {
  const secret = "a secret of more than thirty-two bytes";
  const secretFile = join(folder, "secret");
  writeFileSync(secretFile, secret);
  const args = ["--auth", "jwt", "--jwt-secret-file", secretFile];
  const guarded = startSystem(args, undefined, await Auth.open(optionsOf(...args), new QuietLogger()));
  started.unshift(guarded);
  return { guarded, token: hs256(claims({ sub: "anna", warren: { subscribe: ["#"] } }), secret) };
}

describe("JavaScript in the documents does what they say", () => {
  const shown = snippets("js");
  const keyOf = ({ place, code }: Snippet) =>
    Object.keys(runs).find((key) => {
      const [document, words] = key.split(/: (.*)/) as [string, string];
      return place.startsWith(`${document}:`) && code.includes(words);
    });

  test("and all of it is run, each snippet once", () => {
    expect(shown.map((snippet) => keyOf(snippet) ?? `${snippet.place} is run by nothing`).toSorted()).toEqual(
      Object.keys(runs).toSorted(),
    );
  });

  test.each(shown.map((snippet) => [snippet.place, snippet] as const))("%s", async (_, snippet) => {
    await runs[keyOf(snippet)!]!(snippet);
  });
});

test("the handlers in docs/protocol.md answer word by word, and hear of who comes and goes", async () => {
  const shown = snippets("ts").filter(({ place }) => place.startsWith("docs/protocol.md:"));
  expect(shown.length).toBe(2);
  const file = join(folder, "handlers.ts");
  writeFileSync(join(folder, "warren.ts"), await run([await executable(), "--handler-types"]));
  const model = 'globalThis.model = { words: async function* (text) { yield* text.split(" "); } };';
  writeFileSync(file, [model, ...shown.map(({ code }) => code)].join("\n"));
  await using warren = await startWarren(["--handler", file]);
  {
    await using anna = await connect(warren.wsUrl("/ws/anna"));
    expect(await anna.next()).toBe("welcome, anna");
    anna.send("word by word");
    await until(() => anna.received.length === 4, "the words");
    expect(anna.received.slice(1)).toEqual(["word", "by", "word"]);
  }
  await warren.waitForLog(({ msg, client }) => msg === "gone" && client === "anna", "that she has gone");
});

test("Python that speaks STOMP gets the three frames that docs/protocol.md says", async () => {
  const shown = snippets("python").find(({ code }) => code.includes("import websocket"))!;
  const program = new ShownProgram(
    [need(pythonWithWebsocket), "-u", "-c", shown.code.replaceAll("127.0.0.1:8000", system.url.host)],
    folder,
  );
  started.push(program);
  expect(await program.exited).toBe(0);
  for (const frame of ["CONNECTED", "RECEIPT", "MESSAGE"]) expect(program.printed).toContain(frame);
});

describe("curl in the documents does what they say", () => {
  /** The commands as they stand there, by bash. */
  const bash = (command: string) => {
    const program = new ShownProgram(
      ["bash", "-c", `exec ${command.replaceAll("127.0.0.1:8000", system.url.host)}`],
      folder,
    );
    started.push(program);
    return program;
  };
  const curls = (document: string) =>
    snippets("sh")
      .filter(({ place }) => place.startsWith(`${document}:`))
      .flatMap(({ code }) => code.split("\n"))
      .filter((line) => line.startsWith("curl ") && line.includes("127.0.0.1:8000"));

  /** Listens to events and publishes until the message has come. */
  const heard = async (events: string, publish: string, message: string) => {
    const listening = bash(events);
    await until(async () => {
      expect(await bash(publish).exited).toBe(0);
      return listening.printed.includes(`data: ${message}`);
    }, "the event");
    return listening;
  };

  test("README.md: events, what is published, and a request", async () => {
    const [events, publish, ask, ...others] = curls("README.md");
    expect(others).toEqual([]);
    const listening = await heard(events!, publish!, "two coffees");
    expect(listening.printed.some((line) => /^id: \S+$/.test(line))).toBeTrue();
    const asking = bash(ask!);
    expect(await asking.exited).toBe(0);
    expect(asking.printed).toEqual(["processed message: coffee"]);
  });

  test("the page's drawer: the same for its topic", async () => {
    const page = `${system.url.href}?topic=order.drawer`;
    const shown = new Map(snippetsFor(page, "order.drawer", false).map(({ name, code }) => [name, code]));
    const [events, publish, ...others] = shown.get("curl")!.split("\n");
    expect(others).toEqual([]);
    const javascript = runSnippet({ place: "drawer", language: "js", code: shown.get("JavaScript")! });
    await javascript.prints("processed message: hello");
    await heard(events!, publish!, "hello");
  });

  test("docs/protocol.md: what is published, events, and a long poll", async () => {
    const [publish, events, poll, ...others] = curls("docs/protocol.md");
    expect(others).toEqual([]);
    await heard(events!, publish!, "1 pizza");
    const polling = bash(poll!);
    expect(await polling.exited).toBe(0);
    const lines = polling.printed
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { readonly body: string });
    expect(lines.map(({ body }) => body)).toContain("1 pizza");
  });
});
