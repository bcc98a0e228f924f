import { expect, test } from "bun:test";
import type { Closing } from "../../../static/session/closing.ts";
import { Connection, connectTimeoutMs, steadyAfterMs } from "../../../static/session/connection.ts";
import { PlayedSurroundings } from "./surroundings.ts";

/** A connection that is established as soon as the manager takes frames. */
function played(isOvercome = false) {
  const surroundings = new PlayedSurroundings();
  const closings: Closing[] = [];
  const heard: string[] = [];
  const connection = new Connection("ws://manager/ws/me", surroundings, {
    changed: () => undefined,
    opened: () => connection.establish(),
    identified: () => undefined,
    closed: (closing) => closings.push(closing),
    message: ({ body }) => heard.push(new TextDecoder().decode(body)),
    receipt: (id) => heard.push(id),
    refused: () => isOvercome,
  });
  connection.connect();
  return { surroundings, connection, closings, heard };
}

/** How long the connection plans to wait. */
function waitMs({ surroundings, connection }: ReturnType<typeof played>): number {
  const { state } = connection;
  return state.is === "waiting" ? state.untilMs - surroundings.now() : Number.NaN;
}

test("it connects, and tells what comes", () => {
  const { surroundings, connection, heard } = played();
  expect(connection.state.is).toBe("connecting");
  surroundings.link.connect();
  expect(connection.state.is).toBe("connected");
  surroundings.link.sayFor("1", "/broadcast", "hello");
  surroundings.link.acknowledge("receipt");
  expect(heard).toEqual(["hello", "receipt"]);
});

test("a manager that is away is tried again at growing intervals, by itself", () => {
  const play = played();
  const waits: number[] = [];
  for (let i = 0; i < 7; i++) {
    play.surroundings.link.drop();
    waits.push(waitMs(play));
    play.surroundings.pass(waitMs(play));
  }
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  expect(play.surroundings.links).toHaveLength(8);
});

test("a connection that lasted starts the intervals afresh, one that is dropped at once does not", () => {
  const play = played();
  for (let i = 0; i < 3; i++) {
    play.surroundings.link.connect();
    play.surroundings.link.drop();
    play.surroundings.pass(waitMs(play));
  }
  play.surroundings.link.connect();
  play.surroundings.pass(steadyAfterMs);
  play.surroundings.link.drop();
  expect(waitMs(play)).toBe(500);
});

test("a manager that says it is too busy is left in peace for longer", () => {
  const play = played();
  play.surroundings.link.connect();
  play.surroundings.link.drop(1013, "try again later");
  expect(waitMs(play)).toBe(8_000);
  expect(play.closings).toMatchObject([{ code: 1013, reason: "try again later", opened: true }]);
});

test("what an ERROR says is why the connection ended, and is not met again at once", () => {
  const play = played();
  play.surroundings.link.connect();
  play.surroundings.link.refuse("unknown command");
  play.surroundings.link.drop(1002, "the ERROR frame says why");
  expect(play.closings).toMatchObject([{ code: 1002, refusal: "unknown command" }]);
  expect(waitMs(play)).toBe(8_000);
});

test("an ERROR that will not come again does not keep the page waiting", () => {
  const play = played(true);
  play.surroundings.link.connect();
  play.surroundings.link.refuse("this message is too long");
  play.surroundings.link.drop(1002);
  expect(waitMs(play)).toBe(500);
});

test("a manager that does not close behind its ERROR is given up", () => {
  const play = played();
  play.surroundings.link.connect();
  play.surroundings.link.refuse("unknown command");
  play.surroundings.pass(connectTimeoutMs);
  expect(play.closings).toMatchObject([{ code: 1006, refusal: "unknown command" }]);
  expect(play.surroundings.links[0]!.closedByPage).toBeTrue();
});

test("a handshake without an answer is given up", () => {
  const play = played();
  const [link] = play.surroundings.links;
  play.surroundings.pass(connectTimeoutMs);
  expect(play.connection.state.is).toBe("waiting");
  expect(link!.closedByPage).toBeTrue();
  expect(play.closings).toMatchObject([{ code: 1006, opened: false }]);
});

test("hastening skips the wait, and leaves a good connection alone", () => {
  const { surroundings, connection } = played();
  surroundings.link.drop();
  connection.hasten();
  expect(surroundings.links).toHaveLength(2);
  surroundings.link.connect();
  connection.hasten();
  surroundings.pass(60_000);
  expect(surroundings.links).toHaveLength(2);
});

test("where no WebSocket comes about, it asks over HTTP why not", async () => {
  const { surroundings, connection } = played();
  surroundings.answer = { status: 503, text: "" };
  surroundings.link.drop();
  await Promise.resolve();
  await Promise.resolve();
  expect(connection.state).toMatchObject({
    is: "waiting",
    closing: { diagnosis: expect.stringContaining("HTTP 503") },
  });
  expect(surroundings.withoutWebSocket).toHaveLength(0);
});

test("where the manager answers but no WebSocket comes through, it goes by HTTP, and by WebSocket again if that fails", async () => {
  const { surroundings, connection } = played();
  surroundings.answer = { status: 426, text: "" };
  surroundings.link.drop();
  await Promise.resolve();
  await Promise.resolve();
  // The manager may have started between the two questions: a WebSocket has another try, at once.
  expect([surroundings.withoutWebSocket.length, surroundings.links.length]).toEqual([0, 2]);
  surroundings.link.drop();
  await Promise.resolve();
  await Promise.resolve();
  expect(surroundings.withoutWebSocket).toHaveLength(1);
  surroundings.link.connect();
  expect([connection.state.is, connection.isWithoutWebSocket]).toEqual(["connected", true]);
  surroundings.link.drop();
  surroundings.pass(waitMs({ surroundings, connection } as ReturnType<typeof played>));
  // It was good once.
  expect(surroundings.withoutWebSocket).toHaveLength(2);
  surroundings.link.drop();
  surroundings.pass(waitMs({ surroundings, connection } as ReturnType<typeof played>));
  expect(surroundings.withoutWebSocket).toHaveLength(2);
  expect(surroundings.links).toHaveLength(5);
  expect(connection.isWithoutWebSocket).toBe(false);
});

test("a manager that starts while it is asked why no WebSocket came about is gone to by WebSocket", async () => {
  const { surroundings, connection } = played();
  surroundings.answer = { status: 426, text: "" };
  surroundings.link.drop();
  await Promise.resolve();
  await Promise.resolve();
  surroundings.link.connect();
  connection.establish();
  expect([connection.state.is, connection.isWithoutWebSocket]).toEqual(["connected", false]);
});
