import { expect, test } from "bun:test";
import type { Declarations } from "../../../../../src/broker/rabbitmq/topology/declarations.ts";
import { OneAlone } from "../../../../../src/broker/rabbitmq/topology/one-alone.ts";

function recording() {
  const asked: string[] = [];
  const note = (kind: string) => (name: string, other?: unknown) => {
    asked.push(typeof other === "string" ? `${kind} ${name} ${other}` : `${kind} ${name}`);
    return Promise.resolve();
  };
  const by: Declarations = {
    once: (_, declare) => declare(),
    fanout: note("fanout"),
    topic: note("topic"),
    between: note("between"),
    selector: note("selector"),
    queue: note("queue"),
    bindQueue: note("bind"),
    unbindQueue: note("unbind"),
    bindExchange: note("bind"),
    unbindExchange: note("unbind"),
  };
  return { asked, by };
}

async function declare(declarations: Declarations): Promise<void> {
  await declarations.topic("shared");
  await declarations.queue("log", {});
  await declarations.bindQueue("log", "shared");
  await declarations.topic("own", { durable: false });
  await declarations.bindExchange("shared", "own");
  await declarations.bindQueue("log", "own");
}

test("a queue that is missing is declared and bound to what is there, and not to what its own connection has not declared yet", async () => {
  const { asked, by } = recording();
  await declare(new OneAlone("log", by));
  expect(asked).toEqual(["queue log", "bind log shared"]);
});

test("an exchange that is missing is declared, and its bindings come with the whole", async () => {
  const { asked, by } = recording();
  await declare(new OneAlone("shared", by));
  expect(asked).toEqual(["topic shared"]);
});
