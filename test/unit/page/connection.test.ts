import { expect, test } from "bun:test";
import type { Closing } from "../../../static/session/closing.ts";
import { Connection, connectTimeoutMs, steadyAfterMs } from "../../../static/session/connection.ts";
import { PlayedSurroundings } from "./surroundings.ts";

function played() {
  const surroundings = new PlayedSurroundings();
  const closings: Closing[] = [];
  const texts: string[] = [];
  const connection = new Connection("ws://manager/ws/me", surroundings, {
    changed: () => undefined,
    closed: (closing) => closings.push(closing),
    text: (text) => texts.push(text),
    binary: (bytes) => texts.push(`${bytes}`),
  });
  connection.connect();
  return { surroundings, connection, closings, texts };
}

/** How long the connection plans to wait. */
function waitMs({ surroundings, connection }: ReturnType<typeof played>): number {
  const { state } = connection;
  return state.is === "waiting" ? state.untilMs - surroundings.now() : Number.NaN;
}

test("it connects, carries text and bytes, and sends", () => {
  const { surroundings, connection, texts } = played();
  expect(connection.state.is).toBe("connecting");
  surroundings.socket.accept();
  expect(connection.state.is).toBe("connected");
  surroundings.socket.say("hello");
  surroundings.socket.say(new Uint8Array([1, 2]).buffer);
  expect(texts).toEqual(["hello", "1,2"]);
  connection.send("back");
  expect(surroundings.socket.sent).toEqual(["back"]);
});

test("a manager that is away is tried again at growing intervals, by itself", () => {
  const play = played();
  const waits: number[] = [];
  for (let i = 0; i < 7; i++) {
    play.surroundings.socket.drop();
    waits.push(waitMs(play));
    play.surroundings.pass(waitMs(play));
  }
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  expect(play.surroundings.sockets).toHaveLength(8);
});

test("a connection that lasted starts the intervals afresh, one that is dropped at once does not", () => {
  const play = played();
  for (let i = 0; i < 3; i++) {
    play.surroundings.socket.accept();
    play.surroundings.socket.drop();
    play.surroundings.pass(waitMs(play));
  }
  play.surroundings.socket.accept();
  play.surroundings.pass(steadyAfterMs);
  play.surroundings.socket.drop();
  expect(waitMs(play)).toBe(500);
});

test("a manager that says it is too busy is left in peace for longer", () => {
  const play = played();
  play.surroundings.socket.accept();
  play.surroundings.socket.drop(1013, "try again later");
  expect(waitMs(play)).toBe(8_000);
  expect(play.closings).toEqual([{ code: 1013, reason: "try again later", opened: true }]);
});

test("a handshake without an answer is given up", () => {
  const play = played();
  const [socket] = play.surroundings.sockets;
  play.surroundings.pass(connectTimeoutMs);
  expect(play.connection.state.is).toBe("waiting");
  expect(socket!.closedByPage).toBeTrue();
  expect(play.closings).toEqual([{ code: 1006, reason: "", opened: false }]);
});

test("hastening skips the wait, and leaves a good connection alone", () => {
  const { surroundings, connection } = played();
  surroundings.socket.drop();
  connection.hasten();
  expect(surroundings.sockets).toHaveLength(2);
  surroundings.socket.accept();
  connection.hasten();
  surroundings.pass(60_000);
  expect(surroundings.sockets).toHaveLength(2);
});

test("a socket that was given up is not heard any more", () => {
  const { surroundings, connection, texts } = played();
  const old = surroundings.socket;
  old.accept();
  connection.moveTo("ws://manager/ws/me?topic=news");
  expect(old.closedByPage).toBeTrue();
  old.say("late");
  old.drop();
  surroundings.socket.accept();
  expect(texts).toEqual([]);
  expect(connection.state.is).toBe("connected");
  expect(surroundings.socket.url).toEndWith("?topic=news");
});
