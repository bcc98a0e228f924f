import { expect, test } from "bun:test";
import { Session } from "../../../static/session/session.ts";
import { unsentMax } from "../../../static/session/unsent.ts";
import { PlayedSurroundings } from "./surroundings.ts";

function played(page = "http://manager/") {
  const surroundings = new PlayedSurroundings();
  const session = new Session({ page, clientId: "me", surroundings, changed: () => undefined });
  session.start();
  return { surroundings, session };
}

const shown = (session: Session) =>
  session.conversation.entries.map((entry) =>
    entry.kind === "own" ? `${entry.text}: ${entry.state}` : "text" in entry ? entry.text : entry.kind,
  );

test("what is written before there is a connection is sent, in order, when there is one", () => {
  const { surroundings, session } = played();
  session.write("one");
  session.write("two");
  expect(shown(session)).toEqual(["one: waiting", "two: waiting"]);
  surroundings.socket.accept();
  session.write("three");
  expect(surroundings.socket.sent).toEqual(["one", "two", "three"]);
  expect(shown(session)).toEqual(["one: sent", "two: sent", "three: sent"]);
});

test("a lost connection is told in the list, once, and so is its return", () => {
  const { surroundings, session } = played();
  surroundings.socket.accept();
  session.write("before");
  surroundings.socket.drop(1001, "the manager is stopping");
  session.write("during");
  surroundings.pass(2_000);
  surroundings.socket.drop();
  surroundings.pass(2_000);
  surroundings.socket.accept();
  expect(shown(session)).toEqual([
    "before: unsure",
    "The manager is shutting down or restarting (1001: the manager is stopping)",
    "during: sent",
    "Connected again after 4 s",
  ]);
  expect(surroundings.socket.sent).toEqual(["during"]);
});

test("when enough is waiting, the text stays with the person", () => {
  const { session } = played();
  for (let i = 0; i < unsentMax; i++) expect(session.write(`${i}`)).toBeTrue();
  expect(session.write("one too many")).toBeFalse();
  expect(session.conversation.entries).toHaveLength(unsentMax);
  const { session: other } = played();
  expect(other.write("x".repeat(2 * 1024 * 1024))).toBeFalse();
});

test("the topic comes from the page's link, unless it is none", () => {
  expect(played("http://manager/?topic=news").surroundings.socket.url).toBe("ws://manager/ws/me?topic=news");
  expect(played("http://manager/?topic=%07").session.topic).toBe("");
});

test("joining another topic connects there at once, with the same client id and a link to share", () => {
  const { surroundings, session } = played();
  surroundings.socket.accept();
  session.join("news");
  expect(surroundings.socket.url).toBe("ws://manager/ws/me?topic=news");
  expect(session.page).toBe("http://manager/?topic=news");
  expect(shown(session)).toEqual(["Joined the topic news"]);
  session.join("news");
  expect(surroundings.sockets).toHaveLength(2);
});

test("what waits to be sent stays with the topic that it was written on", () => {
  const { surroundings, session } = played();
  session.write("for everyone");
  session.join("news");
  session.write("for the news");
  surroundings.socket.accept();
  expect(surroundings.socket.sent).toEqual(["for the news"]);
  session.join("");
  surroundings.socket.accept();
  expect(surroundings.socket.sent).toEqual(["for everyone"]);
});

test("when the network is back, the page connects at once", () => {
  const { surroundings, session } = played();
  surroundings.socket.drop();
  session.networkLost();
  session.networkBack();
  expect(surroundings.sockets).toHaveLength(2);
});

test("a connection that lived through the loss of the network is replaced: it may be dead unknowingly", () => {
  const { surroundings, session } = played();
  surroundings.socket.accept();
  session.write("into the void");
  session.networkLost();
  session.networkBack();
  expect(surroundings.sockets).toHaveLength(2);
  expect(shown(session)).toEqual(["into the void: unsure"]);
});
