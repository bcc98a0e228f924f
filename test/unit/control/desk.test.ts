import { expect, test } from "bun:test";
import fc from "fast-check";
import { commandBytesMax, drainMs } from "../../../src/control/command.ts";
import { type Clientele, Desk } from "../../../src/control/desk.ts";
import { page, placeAfter } from "../../../src/control/page.ts";
import { rounds } from "../doubles/rounds.ts";

function desk() {
  const obeyed: string[] = [];
  const refused: string[] = [];
  const clientele: Clientele = {
    vitals: () => ({ ready: true, clients: 2, messages: 3, deliveries: 4, waitingBytes: 5 }),
    scan: (see) => {
      for (const client of ["anna", "ben"])
        see({ client, shown: () => ({ client, manager: "one", protocol: "text", topics: ["Room"] }) });
      return Promise.resolve();
    },
    find: () => Promise.resolve([]),
    disconnect: (client) => obeyed.push(`disconnect ${client}`),
    revoke: () => Promise.resolve("there are no tokens"),
    topics: () => [["t", 1]],
    // An earlier drain ends sooner than an hour.
    drain: (overMs) => {
      obeyed.push(`drain ${overMs}`);
      return Math.min(overMs, 1_000_000);
    },
    changeLogLevel: (level) => void obeyed.push(`level ${level}`),
  };
  const own = new Desk("one", clientele, (why) => refused.push(why));
  const say = (said: unknown) =>
    own.take(Buffer.from(typeof said === "string" ? said : JSON.stringify(said)));
  return { say, obeyed, refused };
}

test("a manager obeys commands to all managers, and those to itself", async () => {
  const { say, obeyed, refused } = desk();
  const to = (manager: string | undefined, what: object) => say({ version: 1, manager, ...what });
  expect(await to(undefined, { do: "clients", search: "BEN" })).toMatchObject({
    clients: [{ client: "ben" }],
  });
  expect(await to(undefined, { do: "clients", search: "room", limit: 1 })).toMatchObject({
    clients: [{ client: "anna" }],
  });
  expect(to(undefined, { do: "topics" })).toEqual({ manager: "one", topics: [["t", 1]], others: 0 });
  expect(to(undefined, { do: "disconnect", client: "anna" })).toEqual({ manager: "one", disconnected: 1 });
  expect(await to(undefined, { do: "revoke", client: "anna" })).toEqual({
    manager: "one",
    error: "there are no tokens",
  });
  expect(to("two", { do: "drain" })).toBeUndefined();
  expect(to("two", { do: "log-level", level: "error" })).toBeUndefined();
  expect(to("one", { do: "drain", overMs: 5000 })).toEqual({ manager: "one", drainingMs: 5000 });
  expect(to("one", { do: "drain" })).toEqual({ manager: "one", drainingMs: drainMs.usual });
  expect(to("one", { do: "drain", overMs: 3_600_000 })).toEqual({ manager: "one", drainingMs: 1_000_000 });
  expect(to("one", { do: "log-level", level: "debug" })).toEqual({ manager: "one", level: "debug" });
  expect(to(undefined, { do: "log-level", level: "info" })).toEqual({ manager: "one", level: "info" });
  expect(obeyed).toEqual([
    "disconnect anna",
    "drain 5000",
    "drain 30000",
    "drain 3600000",
    "level debug",
    "level info",
  ]);
  expect(refused).toEqual([]);
});

test("an invalid command does nothing, has no answer, and is logged with its fault", () => {
  const nonsense: readonly (readonly [unknown, string])[] = [
    ["{", "it is no JSON"],
    ["7", "it is no JSON object"],
    ["null", "it is no JSON object"],
    ["[]", "its version is not 1"],
    [{ do: "managers" }, "its version is not 1"],
    [{ version: 2, do: "managers" }, "its version is not 1"],
    [{ version: 1, do: "dance" }, '"do" is none of'],
    [{ version: 1, do: ["drain"] }, '"do" is none of'],
    [{ version: 1, do: "disconnect" }, '"client" is missing'],
    [{ version: 1, do: "client", client: {} }, '"client" is missing'],
    [{ version: 1, do: "revoke", client: "x".repeat(256) }, '"client" has at most'],
    [{ version: 1, do: "revoke", client: "x", forMs: -1 }, '"forMs" is no number'],
    [{ version: 1, do: "clients", limit: 1002 }, '"limit" is no whole number'],
    [{ version: 1, do: "clients", after: 7 }, '"after" is no text'],
    [{ version: 1, do: "clients", search: "x".repeat(256) }, '"search" is no text of at most'],
    // Nobody drains all managers by leaving a word out.
    [{ version: 1, do: "drain" }, '"manager" names the one'],
    [{ version: 1, do: "drain", manager: ["one"] }, '"manager" names the one'],
    [{ version: 1, do: "drain", manager: "one", overMs: -1 }, '"overMs" is no whole number'],
    [{ version: 1, do: "drain", manager: "one", overMs: drainMs.most + 1 }, '"overMs" is no whole number'],
    [{ version: 1, do: "log-level" }, '"level" is none of'],
    [{ version: 1, do: "log-level", level: "loud" }, '"level" is none of'],
    ["x".repeat(commandBytesMax + 1), "it has more than"],
    [{ version: 1, do: "managers", filler: "x".repeat(10 ** 6) }, "it has more than"],
  ];
  for (const [said, why] of nonsense) {
    const { say, obeyed, refused } = desk();
    expect(say(said)).toBeUndefined();
    expect(obeyed).toEqual([]);
    expect(refused).toHaveLength(1);
    expect(refused[0]).toStartWith(why);
  }
});

test("a page has the first ids after the last one of the page before, each connection once, and pages go on to the end", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1, maxLength: 2 })),
      fc.string({ maxLength: 2 }),
      fc.integer({ min: 1, max: 8 }),
      (ids, after, limit) => {
        const clients = ids.map((client, number) => ({ client, number }));
        const following = clients
          .filter(({ client }) => client > after)
          .sort((one, other) => (one.client < other.client ? -1 : one.client > other.client ? 1 : 0));
        expect(page(clients, after, limit)).toEqual(following.slice(0, limit));
      },
    ),
    rounds(),
  );
});

test("pages have every connection once, also where one client has more of them than a page", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("anna", "anna-2", "ben", "", "ä"), { maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      (ids, limit) => {
        const clients = ids.map((client, number) => ({ client, connection: `m-${number}` }));
        const seen: string[] = [];
        let after = "";
        for (let isLast = false; !isLast; ) {
          const some: typeof clients = [...page(clients, after, limit + 1)];
          const [following] = some.splice(limit);
          seen.push(...some.map(({ connection }) => connection));
          if (following === undefined) isLast = true;
          else after = placeAfter(some.at(-1)!, following);
        }
        const wanted = clients.filter(({ client }) => client !== "").map(({ connection }) => connection);
        expect(seen.sort()).toEqual(wanted.sort());
      },
    ),
    rounds(),
  );
});
