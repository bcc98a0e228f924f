import { describe, expect, test } from "bun:test";
import { faultInKey, mayHaveKeys } from "../../../../src/envelope/idempotency-key.ts";
import { pack } from "../../../../src/envelope/packing.ts";
import type { Waiter } from "../../../../src/envelope/waiter.ts";
import type { Admission } from "../../../../src/gateway/fan-out/admission.ts";
import { anonymousId } from "../../../../src/gateway/fan-out/key-shares.ts";
import { Once } from "../../../../src/gateway/fan-out/once.ts";
import type { OutgoingMessage } from "../../../../src/message.ts";
import { answersIdOf, onceIdIn } from "../../../../src/message-id.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";

const windowMs = 120_000;

function world(bytesMax = 1024 ** 2) {
  const clock = { ms: 1_800_000_000_000 };
  const once = new Once({ windowMs, bytesMax }, () => clock.ms);
  const heard: string[] = [];
  const waiter = (name: string): Waiter => ({
    confirmed: () => void heard.push(`${name} confirmed`),
    setAside: (why) => void heard.push(`${name}: ${why}`),
  });
  return { once, clock, heard, waiter };
}

const order = (body = "1 pizza", clientId = "anna", topic = "orders"): OutgoingMessage => ({
  body,
  clientId,
  topic,
});
const turn = () => new Promise((resolve) => setImmediate(resolve));

function published(admission: Admission): Extract<Admission, { is: "new" }> {
  if (admission.is !== "new") throw new Error(`it is ${admission.is}`);
  return admission;
}

describe("a message with a key", () => {
  test("is published once, and a second one hears of the first one's confirm", async () => {
    const { once, heard, waiter } = world();
    const first = published(once.admit(order(), "k", waiter("first")));
    expect(once.admit(order(), "k", waiter("second")).is).toBe("repeated");
    expect(once.admit(order(), "k").is).toBe("repeated");
    await turn();
    expect(heard).toEqual([]);
    first.waiter.confirmed();
    expect(heard).toEqual(["first confirmed", "second confirmed"]);
    expect(once.admit(order(), "k", waiter("third")).is).toBe("repeated");
    expect(heard).toHaveLength(2);
    await turn();
    expect(heard.at(-1)).toBe("third confirmed");
  });

  test("is another one from another client, and with another key", () => {
    const { once } = world();
    const ids = [
      published(once.admit(order(), "k")),
      published(once.admit(order("1 pizza", "ben"), "k")),
      published(once.admit(order(), "l")),
      published(once.admit({ ...order(), clientId: undefined }, "k")),
    ].map(({ message }) => message.id);
    expect(new Set(ids).size).toBe(4);
  });

  test("of another body, or to another topic, is refused", () => {
    const { once } = world();
    published(once.admit(order(), "k"));
    expect(once.admit(order("2 pizzas"), "k").is).toBe("reused");
    expect(once.admit(order("1 pizza", "anna", "other"), "k").is).toBe("reused");
    expect(once.admit({ ...order(), body: Buffer.from("1 pizza") }, "k").is).toBe("repeated");
  });

  test("is published again when its window is over, but not while RabbitMQ has yet to confirm it", () => {
    const { once, clock, waiter, heard } = world();
    const first = published(once.admit(order(), "k"));
    clock.ms += windowMs - 1;
    expect(once.admit(order(), "k").is).toBe("repeated");
    clock.ms += 1;
    expect(once.admit(order(), "k", waiter("late")).is).toBe("repeated");
    first.waiter.confirmed();
    expect(heard).toEqual(["late confirmed"]);
    const again = published(once.admit(order(), "k"));
    expect(again.message.id).not.toBe(first.message.id!);
  });

  test("that RabbitMQ does not take may come again, and those that waited hear why", () => {
    const { once, heard, waiter } = world();
    const first = published(once.admit(order(), "k", waiter("first")));
    once.admit(order(), "k", waiter("second"));
    first.waiter.setAside("too large");
    expect(heard).toEqual(["first: too large", "second: too large"]);
    published(once.admit(order(), "k"));
  });

  test("sent again ten thousand times before its confirm has them told in several turns of the event loop, in order", async () => {
    const time = { ms: 0 };
    const loop = new LoopTime(() => time.ms);
    const once = new Once({ windowMs, bytesMax: 1024 ** 2 }, undefined, loop);
    const heard: number[] = [];
    const waiter = (number: number): Waiter => ({
      confirmed: () => {
        time.ms += 0.01;
        heard.push(number);
      },
      setAside: () => undefined,
    });
    const first = published(once.admit(order(), "k", waiter(0)));
    for (let number = 1; number < 10_000; number++) once.admit(order(), "k", waiter(number));
    first.waiter.confirmed();
    expect(time.ms).toBeLessThan(5);
    for (let turns = 0; heard.length < 10_000; turns++) {
      expect(turns).toBeLessThan(100);
      const beganMs = time.ms;
      await turn();
      expect(time.ms - beganMs).toBeLessThanOrEqual(5.5);
    }
    expect(heard).toEqual(Array.from({ length: 10_000 }, (_, number) => number));
  });

  test("that another manager took is known from the log", async () => {
    const there = world();
    const here = world();
    const { message } = published(there.once.admit(order(), "k"));
    expect(here.once.learn(message.id!)).toBe(false);
    expect(here.once.learn(message.id!)).toBe(true);
    expect(there.once.learn(message.id!)).toBe(true);
    expect(here.once.admit(order(), "k", here.waiter("second")).is).toBe("repeated");
    expect(here.once.admit(order("2 pizzas"), "k").is).toBe("reused");
    await turn();
    expect(here.heard).toEqual(["second confirmed"]);
  });

  test("that was taken long ago is known for as long as is left of its window", () => {
    const { once, clock } = world();
    const { message } = published(world().once.admit(order(), "k"));
    expect(once.learn(message.id!, "anna", clock.ms - windowMs + 1000)).toBe(false);
    expect(once.admit(order(), "k").is).toBe("repeated");
    clock.ms += 1000;
    published(once.admit(order(), "k"));
    expect(once.learn(published(world().once.admit(order(), "l")).message.id!, "anna", 0)).toBe(false);
    published(once.admit(order(), "l"));
  });
});

/** How many of these are not known any more. One that falls into another's part by chance, one in 4,096, may be among them. */
function forgottenOf(once: Once, messages: readonly OutgoingMessage[]): number {
  return messages.filter((message) => once.admit(message, "k").is === "new").length;
}

describe("memory", () => {
  test("of keys that are learnt later and are older takes no place of others", () => {
    const { once, clock } = world(20 * 384);
    const young = Array.from({ length: 12 }, (_, at) => order("1 pizza", `young ${at}`));
    for (const message of young) published(once.admit(message, "k")).waiter.confirmed();
    const old = Array.from({ length: 12 }, (_, at) => order("1 pizza", `old ${at}`));
    for (const message of old) {
      const { id } = published(world().once.admit(message, "k")).message;
      expect(once.learn(id!, message.clientId, clock.ms - 1000, true)).toBe(false);
    }
    expect(once.bytes).toBeLessThanOrEqual(20 * 384);
    expect(forgottenOf(once, young)).toBe(0);
    expect(forgottenOf(once, old)).toBeGreaterThanOrEqual(4);
  });

  test("of one client's keys is half of what there is, and others' keys are not forgotten for it", () => {
    const capBytes = 256 * 1024;
    const { once } = world(capBytes);
    const honest = Array.from({ length: 50 }, (_, at) => order("1 pizza", `honest ${at}`));
    for (const message of honest) published(once.admit(message, "k")).waiter.confirmed();
    for (let key = 0; key < 5000; key++) published(once.admit(order(), `${key}`)).waiter.confirmed();
    expect(forgottenOf(once, honest)).toBeLessThanOrEqual(2);
    expect(once.admit(order(), "4999").is).toBe("repeated");
    published(once.admit(order(), "0"));
    expect(once.bytes).toBeGreaterThan(capBytes / 3);
    expect(once.bytes).toBeLessThan((capBytes * 2) / 3);
  });

  test("of keys that other managers' clients send is shared in the same way", () => {
    const { once } = world(64 * 1024);
    const elsewhere = world(1024 ** 2).once;
    const honest = Array.from({ length: 50 }, (_, at) => order("1 pizza", `honest ${at}`));
    for (const message of honest) published(once.admit(message, "k"));
    for (let key = 0; key < 2000; key++)
      once.learn(published(elsewhere.admit(order(), `${key}`)).message.id!, "anna");
    expect(forgottenOf(once, honest)).toBeLessThanOrEqual(2);
  });

  test("of keys that one address sends under ever new ids is shared in the same way, here and on other managers", () => {
    const { once } = world(64 * 1024);
    const elsewhere = world(1024 ** 2).once;
    const honest = Array.from({ length: 50 }, (_, at) => order("1 pizza", `honest ${at}`));
    for (const message of honest) published(once.admit(message, "k"));
    for (let key = 0; key < 2000; key++) {
      const own = order("1 pizza", `id ${key}`);
      published(once.admit(own, `own ${key}`, undefined, 0, "192.0.2.7")).waiter.confirmed();
      const { message } = published(elsewhere.admit(order("1 pizza", anonymousId(`${key}`)), `${key}`));
      once.learn(message.id!, message.clientId);
    }
    expect(forgottenOf(once, honest)).toBeLessThanOrEqual(2);
  });

  test("has a cap, beyond which the oldest keys are forgotten, and those that wait for their confirm hear of it", () => {
    const { once, heard, waiter } = world(16 * 1024);
    const first = published(once.admit(order(), "0", waiter("first")));
    once.admit(order(), "0", waiter("second"));
    for (let key = 1; key < 1000; key++) {
      published(once.admit(order(), `${key}`)).waiter.confirmed();
      expect(once.bytes).toBeLessThanOrEqual(16 * 1024 + 1024);
    }
    expect(once.admit(order(), "999").is).toBe("repeated");
    published(once.admit(order(), "1"));
    first.waiter.confirmed();
    expect(heard).toEqual(["first confirmed", "second confirmed"]);
  });

  test("of keys whose window is over is given back", () => {
    const { once, clock } = world();
    for (let key = 0; key < 100; key++) published(once.admit(order(), `${key}`)).waiter.confirmed();
    const before = once.bytes;
    clock.ms += windowMs;
    published(once.admit(order(), "new"));
    expect(once.bytes).toBeLessThan(before / 50);
  });

  test("of those that wait has a cap too", () => {
    const { once, heard, waiter } = world();
    const first = published(once.admit(order(), "k"));
    let count = 0;
    while (once.admit(order(), "k", waiter("w"), 1024 ** 2).is === "repeated") count++;
    // Half of what there is: the rest is for others.
    expect(count).toBe(4);
    expect(once.admit(order(), "k", waiter("w"), 1024 ** 2).is).toBe("too many");
    const others = Array.from({ length: 20 }, (_, at) => order("1 pizza", `honest ${at}`));
    const firsts = others.map((other) => published(once.admit(other, "k")));
    const repeats = others.map((other) => once.admit(other, "k", waiter("honest"), 1024).is);
    // One of them may share its part with the client that repeats so much.
    expect(repeats.filter((is) => is === "repeated").length).toBeGreaterThanOrEqual(18);
    first.waiter.confirmed();
    expect(heard).toHaveLength(4);
    for (const each of firsts) each.waiter.confirmed();
    expect(once.bytes).toBe(21 * 384);
  });
});

test("an id says what followers have to know, and nobody else's id is taken for one", () => {
  const { once, clock } = world();
  const { message } = published(once.admit(order(), "k".repeat(255)));
  expect(message.id!.length).toBeLessThan(64);
  expect(onceIdIn(message.id!)).toMatchObject({ seconds: clock.ms / 1000, windowSeconds: 120 });
  for (const id of ["", "once-", "manager-0123456789ab-7", `${message.id}/g/1`, "once-upon-a-time"])
    expect(onceIdIn(id)).toBeUndefined();
  expect(answersIdOf("manager-0123456789ab-7")).toBe("manager-0123456789ab-7");
  clock.ms += 1000;
  const other = new Once({ windowMs, bytesMax: 1024 ** 2 }, () => clock.ms);
  const second = published(other.admit(order(), "k".repeat(255)));
  expect(second.message.id).not.toBe(message.id!);
  expect(answersIdOf(second.message.id!)).toBe(answersIdOf(message.id!));
});

test("a pack is searched for keys without being understood", () => {
  const { message } = published(world().once.admit(order(), "k"));
  expect(mayHaveKeys(pack([order(), message, order()]))).toBe(true);
  expect(mayHaveKeys(pack([order('"once-upon a time'), order()]))).toBe(false);
  expect(mayHaveKeys(Buffer.from("no pack"))).toBe(false);
});

test.each([
  ["", "has 1 to 255 bytes"],
  ["é".repeat(128), "has 1 to 255 bytes"],
  ["é".repeat(127), undefined],
])("the key %p %p", (key, fault) => {
  expect(faultInKey(key)).toBe(fault as string);
});
