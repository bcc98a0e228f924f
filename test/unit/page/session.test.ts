import { expect, test } from "bun:test";
import { shownPerSecondMax } from "../../../static/session/conversation.ts";
import type { OwnEntry } from "../../../static/session/entry.ts";
import { Session } from "../../../static/session/session.ts";
import { unsentMax } from "../../../static/session/unsent.ts";
import { PlayedSurroundings } from "./surroundings.ts";

function played(page = "http://manager/") {
  const surroundings = new PlayedSurroundings();
  const session = new Session({
    page,
    clientId: "me",
    pageId: "this-page",
    surroundings,
    changed: () => undefined,
  });
  session.start();
  return { surroundings, session };
}

/** The same, on a topic and connected. */
function connected(topic = "news") {
  const play = played(`http://manager/?topic=${encodeURIComponent(topic)}`);
  play.surroundings.link.accept();
  return play;
}

const shown = (session: Session) =>
  session.conversation.entries.map((entry) =>
    entry.kind === "own" ? `${entry.text}: ${entry.state}` : "text" in entry ? entry.text : entry.kind,
  );

const news = "/topic/news";

test("what is written before there is a connection is sent, in order, when there is one", () => {
  const { surroundings, session } = played();
  session.write("one");
  session.write("two");
  expect(shown(session)).toEqual(["one: waiting", "two: waiting"]);
  surroundings.link.accept();
  session.write("three");
  expect(surroundings.link.texts).toEqual(["one", "two", "three"]);
  expect(shown(session)).toEqual(["one: sent", "two: sent", "three: sent"]);
});

test("it is connected when its subscriptions are in force, and not before", () => {
  const { surroundings, session } = played();
  surroundings.link.connect();
  expect(session.state.is).toBe("connecting");
  session.write("wait");
  expect(surroundings.link.sent).toEqual([]);
  surroundings.link.acknowledgeAll();
  expect(session.state.is).toBe("connected");
  expect(surroundings.link.texts).toEqual(["wait"]);
});

test("a message says how far it came: sent, confirmed by its receipt, processed by its answer", () => {
  const { surroundings, session } = connected();
  session.write("hello");
  const [frame] = surroundings.link.sent;
  expect(frame).toMatchObject({ destination: news, text: "hello" });
  surroundings.link.acknowledge(frame!.headers["receipt"]!);
  expect(shown(session)).toEqual(["hello: confirmed"]);
  surroundings.link.say(news, "processed message: hello", { "x-stream-offset": "2" });
  expect(shown(session)).toEqual(["hello: processed", "processed message: hello"]);
});

test("an answer that is faster than the receipt is not taken back by it", () => {
  const { surroundings, session } = connected();
  session.write("hello");
  surroundings.link.say(news, "processed message: hello", { "x-stream-offset": "1" });
  surroundings.link.acknowledge(surroundings.link.sent[0]!.headers["receipt"]!);
  expect(shown(session)[0]).toBe("hello: processed");
});

test("its own messages come back through the log and are not shown twice", () => {
  const { surroundings, session } = connected();
  session.write("hello");
  const { headers } = surroundings.link.sent[0]!;
  surroundings.link.say(news, "hello", { "page-message": headers["page-message"]!, "x-stream-offset": "1" });
  surroundings.link.say(news, "hello", { "page-message": "another-page.1", "x-stream-offset": "2" });
  expect(shown(session)).toEqual(["hello: confirmed", "hello"]);
});

test("a message that came back through the log has the id, the sender and the headers that it has for others", () => {
  const { surroundings, session } = connected();
  session.write({ body: "hello", headers: { lot: "7" } });
  const [entry] = session.conversation.entries as [OwnEntry];
  const { receipt, "page-message": own } = surroundings.link.sent[0]!.headers;
  // The receipt says that it is safe, and nothing else of it.
  surroundings.link.acknowledge(receipt!);
  expect(entry).toMatchObject({ state: "confirmed", headers: { lot: "7" }, cameBackWith: undefined });
  const asOthersSeeIt = { "message-id": "manager-1-7", "client-id": "me", lot: "7", "page-message": own! };
  session.conversation.takeChanged();
  surroundings.link.say(news, "hello", { ...asOthersSeeIt, "x-stream-offset": "1" });
  expect(entry.cameBackWith).toMatchObject(asOthersSeeIt);
  expect([...session.conversation.takeChanged()]).toEqual([entry]);
});

test("the list shows once that the connection was lost, and once that it is back", () => {
  const { surroundings, session } = connected();
  session.write("before");
  surroundings.link.drop(1001, "the manager is stopping");
  session.write("during");
  surroundings.pass(2_000);
  surroundings.link.drop();
  surroundings.pass(2_000);
  surroundings.link.accept();
  expect(shown(session)).toEqual([
    "before: unsure",
    "The manager is shutting down or restarting (1001: the manager is stopping)",
    "during: sent",
    "Connected again after 4 s",
  ]);
  expect(surroundings.link.texts).toEqual(["during"]);
});

test("it goes on behind the last message seen, on its topic and on what is for it alone", () => {
  const { surroundings, session } = connected();
  expect(surroundings.link.asked(news)).toEqual({ "x-stream-offset": "next" });
  expect(surroundings.link.asked("/direct")).toEqual({ "x-stream-offset": "next" });
  surroundings.link.say(news, "seen", { "x-stream-offset": "7.1" });
  surroundings.link.say("/direct", "seen too", { "x-stream-offset": "5" });
  surroundings.link.drop();
  surroundings.pass(500);
  surroundings.link.connect();
  expect(surroundings.link.asked(news)).toEqual({ "x-stream-after": "7.1" });
  expect(surroundings.link.asked("/direct")).toEqual({ "x-stream-after": "5" });
  surroundings.link.say(news, "missed", { "x-stream-offset": "8" });
  expect(shown(session)).toEqual(["seen", "seen too", "The connection was lost", "missed"]);
});

test("a page that had seen nothing yet goes on where its subscription began", () => {
  const { surroundings } = played("http://manager/?topic=news");
  surroundings.link.accept("41");
  surroundings.link.drop();
  surroundings.pass(500);
  surroundings.link.connect();
  expect(surroundings.link.asked(news)).toEqual({ "x-stream-after": "41" });
});

test("where the log was empty, that is its beginning", () => {
  const { surroundings } = connected();
  surroundings.link.drop();
  surroundings.pass(500);
  surroundings.link.connect();
  expect(surroundings.link.asked(news)).toEqual({ "x-stream-offset": "first" });
});

test("a message of which nobody knew whether it arrived is confirmed by the log", () => {
  const { surroundings, session } = connected();
  session.write("into the dark");
  const own = surroundings.link.sent[0]!.headers["page-message"]!;
  surroundings.link.drop();
  expect(shown(session)[0]).toBe("into the dark: unsure");
  surroundings.pass(500);
  surroundings.link.accept();
  surroundings.link.say(news, "into the dark", { "page-message": own, "x-stream-offset": "9" });
  expect(shown(session)[0]).toBe("into the dark: confirmed");
});

test("the list shows where messages are missing that the log no longer has", () => {
  const { surroundings, session } = connected();
  surroundings.link.say(news, "old", { "x-stream-offset": "1" });
  surroundings.link.drop();
  surroundings.pass(500);
  surroundings.link.accept();
  surroundings.link.say(news, "new", { "x-stream-offset": "5000", "x-stream-gap": "true" });
  expect(shown(session).slice(-2)).toEqual(["missing", "new"]);
});

test("what was missed is shown although it comes all at once", () => {
  const { surroundings, session } = connected();
  surroundings.link.drop();
  surroundings.pass(500);
  surroundings.link.accept();
  const missed = shownPerSecondMax + 100;
  for (let i = 0; i < missed; i++) surroundings.link.say(news, `${i}`, { "x-stream-offset": `${i}` });
  expect(session.conversation.entries.filter(({ kind }) => kind === "other")).toHaveLength(missed);
});

test("where no log is kept it listens live, and says after a loss what that means", () => {
  const { surroundings, session } = played("http://manager/?topic=news");
  surroundings.link.connect();
  const receipt = surroundings.link.subscriptions.get("topic-1")!.headers["receipt"]!;
  surroundings.link.refuse("this manager keeps no log: subscribe without x-stream-offset", receipt);
  expect(surroundings.links).toHaveLength(2);
  surroundings.link.accept();
  expect(surroundings.link.asked(news)).toEqual({});
  expect(session.state.is).toBe("connected");
  session.write("hello");
  const { headers } = surroundings.link.sent[0]!;
  surroundings.link.say(news, "hello", { "page-message": headers["page-message"]! });
  // It came from the manager, which says nothing about the broker.
  expect(shown(session)).toEqual(["hello: sent"]);

  surroundings.link.drop();
  surroundings.pass(500);
  surroundings.link.connect();
  // Another manager may keep one.
  expect(surroundings.link.asked(news)).toEqual({ "x-stream-offset": "next" });
  surroundings.link.refuse("no log", surroundings.link.subscriptions.get("direct")!.headers["receipt"]!);
  surroundings.link.accept();
  expect(shown(session).at(-1)).toContain("keeps no log");
});

test("a subscription that is refused live as well is a reason to wait", () => {
  const { surroundings, session } = played("http://manager/?topic=secret");
  for (let i = 0; i < 2; i++) {
    surroundings.link.connect();
    surroundings.link.refuse(
      "you may not read secret",
      surroundings.link.subscriptions.get("topic-1")!.headers["receipt"]!,
    );
  }
  surroundings.link.drop(1002);
  const { state } = session;
  expect(state).toMatchObject({ is: "waiting", closing: { refusal: "you may not read secret" } });
  expect(shown(session)).toEqual([]);
  session.join("news");
  surroundings.link.accept();
  expect(session.state.is).toBe("connected");
});

test("a message that the manager refuses says so, and the page goes on without it", () => {
  const { surroundings, session } = connected();
  session.write("far too long");
  surroundings.link.refuse("a body has more than 3 bytes", surroundings.link.sent[0]!.headers["receipt"]!);
  surroundings.link.drop(1002, "the ERROR frame says why");
  surroundings.pass(500);
  surroundings.link.accept();
  expect(surroundings.link.sent).toEqual([]);
  expect(shown(session).slice(0, 2)).toEqual([
    "far too long: refused",
    "The manager refused: a body has more than 3 bytes",
  ]);
});

test("when enough is waiting, the text stays with the person", () => {
  const { session } = played();
  for (let i = 0; i < unsentMax; i++) expect(session.write(`${i}`)).toBe("taken");
  expect(session.write("one too many")).toBe("full");
  expect(session.conversation.entries).toHaveLength(unsentMax);
  const { session: other } = played();
  expect(other.write("x".repeat(2 * 1024 * 1024))).toBe("full");
});

test("the topic comes from the page's link, unless it is none", () => {
  expect(connected().surroundings.link.asked(news)).toBeDefined();
  expect(played("http://manager/?topic=%07").session.topic).toBe("");
});

test("joining another topic takes the place of the one before on the same connection", () => {
  const { surroundings, session } = connected("garden");
  session.join("news");
  const { link } = surroundings;
  expect(link.asked("/topic/garden")).toBeUndefined();
  expect(link.asked(news)).toEqual({ "x-stream-offset": "next" });
  expect(session.page).toBe("http://manager/?topic=news");
  session.write("not before it is in force");
  expect(link.sent).toEqual([]);
  link.acknowledgeAll();
  link.sayFor("topic-1", "/topic/garden", "late");
  expect(shown(session)).toEqual(["Joined the topic news", "not before it is in force: sent"]);
  session.join("news");
  expect(surroundings.links).toHaveLength(1);
});

test("what waits to be sent goes to the topic that it was written on", () => {
  const { surroundings, session } = played();
  session.write("for everyone");
  session.join("news");
  session.write("for the news");
  surroundings.link.accept();
  expect(surroundings.link.sent).toMatchObject([
    { destination: "/broadcast", text: "for everyone" },
    { destination: news, text: "for the news" },
  ]);
});

test("on a pattern each message says its topic, and what is sent says to which", () => {
  const { surroundings, session } = connected("news.*");
  surroundings.link.sayFor("topic-1", "/topic/news.sport", "goal", { "x-stream-offset": "1" });
  expect(session.conversation.entries).toMatchObject([{ kind: "other", text: "goal", topic: "news.sport" }]);
  expect(session.write("where to?")).toBe("pattern");
  expect(session.write("where to?", "news.#")).toBe("pattern");
  expect(session.conversation.entries).toHaveLength(1);
  expect(session.write("there", "news.weather")).toBe("taken");
  expect(surroundings.link.sent).toMatchObject([{ destination: "/topic/news.weather", text: "there" }]);
});

test("a topic can be heard from an earlier place in the log on, and is followed from there", () => {
  const { surroundings, session } = connected();
  const seconds = Math.floor(surroundings.now() / 1000);
  session.join("news", "five-minutes");
  expect(surroundings.link.asked(news)).toEqual({ "x-stream-offset": `timestamp=${seconds - 300}` });
  session.join("news", "last-50");
  expect(surroundings.link.asked(news)).toEqual({ "x-stream-offset": "last=50" });
  surroundings.link.acknowledgeAll("7");
  surroundings.link.say(news, "from then", { "x-stream-offset": "12" });
  expect(shown(session)).toEqual(["From five minutes ago", "From the last 50 messages", "from then"]);
  surroundings.link.drop();
  surroundings.pass(20_000);
  surroundings.link.connect();
  expect(surroundings.link.asked(news)).toEqual({ "x-stream-after": "12" });
});

test("JSON, bytes and headers are sent as they are", () => {
  const { surroundings, session } = connected();
  session.write({ body: "{}", headers: { "content-type": "application/json", lot: "7" } });
  session.write({ body: new Uint8Array([1, 255]), headers: {} });
  expect(surroundings.link.sent).toMatchObject([
    { destination: news, text: "{}", headers: { "content-type": "application/json", lot: "7" } },
    { destination: news, text: new Uint8Array([1, 255]) },
  ]);
  expect(shown(session)).toEqual(["{}: sent", "2 bytes: 01 ff: sent"]);
});

test("what is for this client alone is shown as that, whatever the topic", () => {
  const { surroundings, session } = connected();
  surroundings.link.say("/direct", "you are me", { "x-stream-offset": "1" });
  expect(session.conversation.entries).toMatchObject([{ kind: "other", text: "you are me", isDirect: true }]);
});

test("bytes are bytes if they say so or are no text", () => {
  const { surroundings, session } = connected();
  surroundings.link.say(news, "text", { "content-type": "application/octet-stream" });
  surroundings.link.say(news, new Uint8Array([0xff]), { "content-type": "image/png" });
  surroundings.link.say(news, "{}", { "content-type": "application/json" });
  expect(shown(session)).toEqual(["binary", "binary", "{}"]);
});

test("when the network is back, the page connects at once", () => {
  const { surroundings, session } = played();
  surroundings.link.drop();
  session.networkLost();
  session.networkBack();
  expect(surroundings.links).toHaveLength(2);
});

test("a connection that lived through the loss of the network is replaced: it may be dead unknowingly", () => {
  const { surroundings, session } = connected();
  session.write("into the void");
  session.networkLost();
  session.networkBack();
  expect(surroundings.links).toHaveLength(2);
  expect(shown(session)).toEqual(["into the void: unsure"]);
  session.write("not before it is back");
  expect(surroundings.links.flatMap(({ texts }) => texts)).toEqual(["into the void"]);
});

test("with a token, the client id comes from the manager", () => {
  const surroundings = new PlayedSurroundings();
  const page = "http://manager/#token=x";
  const session = new Session({
    page,
    clientId: undefined,
    pageId: "this-page",
    surroundings,
    changed: () => undefined,
  });
  session.start();
  expect(session.clientId).toBe("");
  expect(surroundings.link.url).toBe("ws://manager/ws");
  surroundings.link.connect("anna");
  expect(session.clientId).toBe("anna");
});

test("what a client says is never shown as the processor's, though it begins like it", () => {
  const { surroundings, session } = connected();
  session.write("hello");
  const forged = "processed message: hello";
  surroundings.link.say(news, forged, { "message-id": "manager-0a1b2c3d4e5f-7" });
  // A client that sends an idempotency key has some say in the id, and no more than that.
  surroundings.link.say(news, forged, { "message-id": `once-${"k".repeat(22)}-c0ffee-tbb1x0-3c` });
  expect(session.conversation.entries.map(({ kind }) => kind)).toEqual(["own", "other", "other"]);
  surroundings.link.say(news, forged, { "message-id": "processor-0a1b2c3d4e5f-7" });
  surroundings.link.say(news, forged, { "message-id": "manager-0a1b2c3d4e5f-7/processor/1" });
  expect(session.conversation.entries.slice(3).map(({ kind }) => kind)).toEqual(["processed", "processed"]);
  expect(shown(session)[0]).toBe("hello: processed");
});

/** The page says it, and it comes back through the log with this id. */
function saidAs(play: ReturnType<typeof connected>, text: string, id: string): OwnEntry {
  play.session.write(text);
  const { "page-message": own } = play.surroundings.link.sent.at(-1)!.headers;
  play.surroundings.link.say(news, text, { "page-message": own!, "message-id": id, "x-stream-offset": "1" });
  return play.session.conversation.entries.findLast((entry) => entry.kind === "own")!;
}

test("what a handler of one's own answers is an answer, whatever it says: its id names the question and the group", () => {
  const play = connected();
  const { link } = play.surroundings;
  const own = saidAs(play, "hello", "manager-0a1b2c3d4e5f-7");
  link.say(news, "HELLO", { "message-id": "manager-0a1b2c3d4e5f-7/billing/1" });
  expect(own).toMatchObject({ state: "processed", processedAtMs: play.surroundings.now() });
  link.say(news, "and more", { "message-id": "manager-0a1b2c3d4e5f-7/billing/2" });
  link.say(news, new Uint8Array([0xca, 0xfe]), { "message-id": "manager-0a1b2c3d4e5f-7/billing/3" });
  link.say("/direct", "for you", { "message-id": "manager-0a1b2c3d4e5f-7/billing/4" });
  link.say(news, "to another", { "message-id": "manager-0a1b2c3d4e5f-8/billing/1" });
  expect(play.session.conversation.entries.slice(1)).toMatchObject([
    { kind: "processed", text: "HELLO", answersOwn: true },
    { kind: "processed", text: "and more", answersOwn: true },
    { kind: "processed", text: "2 bytes: ca fe", answersOwn: true },
    { kind: "processed", text: "for you", answersOwn: true, isDirect: true },
    { kind: "processed", text: "to another", answersOwn: false },
  ]);
});

test("the answer to another client's message with the same text does not belong to an own message", () => {
  const play = connected();
  const own = saidAs(play, "hello", "manager-0a1b2c3d4e5f-7");
  const { link } = play.surroundings;
  link.say(news, "processed message: hello", { "message-id": "manager-0a1b2c3d4e5f-6/processor/1" });
  expect(own.state).toBe("confirmed");
  link.say(news, "processed message: hello", { "message-id": "manager-0a1b2c3d4e5f-7/processor/1" });
  expect(own.state).toBe("processed");
});

test("the answer to a message with an idempotency key is known by the part of the id that is the message's", () => {
  const play = connected();
  const own = saidAs(play, "hello", `once-${"k".repeat(22)}-c0ffee-tbb1x0-3c`);
  const answered = (key: string) => ({ "message-id": `once-${key}-c0ffee-71k/processor/1` });
  play.surroundings.link.say(news, "HELLO", answered("j".repeat(22)));
  expect(own.state).toBe("confirmed");
  play.surroundings.link.say(news, "HELLO", answered("k".repeat(22)));
  expect(own.state).toBe("processed");
});

test("a program's own ids are its own, also where they look like an answer's", () => {
  const { surroundings, session } = connected();
  surroundings.link.say(news, "from a program", { "message-id": "orders/eu/5" });
  expect(session.conversation.entries).toMatchObject([{ kind: "other", text: "from a program" }]);
});

test("where the manager keeps no log, an answer is known by its id all the same", () => {
  const { surroundings, session } = played("http://manager/?topic=news");
  surroundings.link.connect();
  surroundings.link.refuse(
    "no log",
    surroundings.link.subscriptions.values().next().value!.headers["receipt"],
  );
  surroundings.link.accept();
  const own = saidAs({ surroundings, session }, "hello", "manager-0a1b2c3d4e5f-7");
  // That it came back does not say that the broker has it.
  expect(own.state).toBe("sent");
  surroundings.link.say(news, "HELLO", { "message-id": "manager-0a1b2c3d4e5f-7/billing/1" });
  expect(own.state).toBe("processed");
});

test("after a refusal, the client id comes from the token that was entered", () => {
  const { surroundings, session } = played();
  expect(session.lacksToken).toBe(false);
  expect(surroundings.link.url).toBe("ws://manager/ws/me");
  surroundings.link.refuse("a token is needed");
  surroundings.link.drop(4401);
  expect(session.lacksToken).toBe(true);
  session.identify();
  expect([surroundings.links.length, surroundings.link.url]).toEqual([2, "ws://manager/ws"]);
  surroundings.link.connect("anna");
  surroundings.link.acknowledgeAll();
  expect([session.state.is, session.clientId, session.lacksToken]).toEqual(["connected", "anna", false]);
});
