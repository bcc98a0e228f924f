import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import type { LinkEvents } from "../../../static/session/link.ts";
import { hostLinks, type LinkPort, waitingBytesMax } from "../../../static/session/link-host.ts";
import { type LinkWorker, RemoteLinks } from "../../../static/session/remote-links.ts";
import { PlayedLink } from "./surroundings.ts";

/** What a listener heard of a link, in order. */
function listener() {
  const heard: unknown[][] = [];
  const keep =
    (name: string) =>
    (...values: unknown[]) =>
      void heard.push([name, ...values]);
  const events = Object.fromEntries(
    ["connected", "identified", "message", "receipt", "error", "closed"].map((name) => [name, keep(name)]),
  ) as unknown as LinkEvents;
  return { heard, events };
}

/** A page and its worker, whose messages to one another travel when the test says so. */
function pageWithWorker() {
  const opened: { link: PlayedLink; events: LinkEvents; token: string | undefined }[] = [];
  const open = (url: string, token: string | undefined, events: LinkEvents) => {
    const link = new PlayedLink(url, events);
    opened.push({ link, events, token });
    return link;
  };
  const toWorker: unknown[] = [];
  const toPage: unknown[] = [];
  const port: LinkPort = { onmessage: null, postMessage: (message) => void toPage.push(message) };
  hostLinks(port, open);
  const worker: LinkWorker = {
    onmessage: null,
    onerror: null,
    postMessage: (message: unknown) => void toWorker.push(message),
    terminate: () => undefined,
  };
  const links = new RemoteLinks(() => worker as Worker, open);
  return {
    links,
    opened,
    worker,
    toPage,
    /** All that is under way to the worker arrives there. */
    ask() {
      for (const data of toWorker.splice(0)) port.onmessage!({ data });
    },
    /** All that is under way to the page arrives there. @returns how many batches that were */
    tell(): number {
      const batches = toPage.splice(0);
      for (const data of batches) worker.onmessage!.call(worker as Worker, { data } as MessageEvent);
      return batches.length;
    },
  };
}

const message = (text: string | Uint8Array) => ({
  subscription: "topic-1",
  headers: {},
  body: typeof text === "string" ? new TextEncoder().encode(text) : text,
});

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test("what the page asks of a link comes to the worker in order, and what the link says to the page", () => {
  const { links, opened, ask, tell } = pageWithWorker();
  const { heard, events } = listener();
  const link = links.open("ws://manager/ws", "a token", events);
  ask();
  const [{ link: real, events: said, token }] = opened as [(typeof opened)[0]];
  expect([real.url, token]).toEqual(["ws://manager/ws", "a token"]);
  said.connected("anna");
  tell();
  link.subscribe("topic-1", "/topic/a", { receipt: "1" });
  link.send("/topic/a", "hello", {});
  ask();
  expect(real.subscriptions.get("topic-1")).toMatchObject({ destination: "/topic/a" });
  expect(real.texts).toEqual(["hello"]);
  said.receipt("1", "4");
  said.message(message("hello"));
  said.closed(1001, "going");
  tell();
  ask();
  tell();
  expect(heard).toEqual([
    ["connected", "anna"],
    ["receipt", "1", "4"],
    ["message", message("hello")],
    ["closed", 1001, "going"],
  ]);
});

test("a few events are passed on at once, and a flood in batches: when the page has handled the last one and a frame has passed", () => {
  const { links, opened, ask, tell } = pageWithWorker();
  const { heard, events } = listener();
  links.open("ws://manager/ws", undefined, events);
  ask();
  const { events: said } = opened[0]!;
  for (const text of ["one", "two", "three"]) {
    said.message(message(text));
    expect(tell()).toBe(1);
    ask();
  }
  for (let count = 0; count < 1000; count++) said.message(message(`${count}`));
  expect(tell()).toBe(1);
  // The page is still busy with it.
  jest.advanceTimersByTime(1000);
  expect(tell()).toBe(0);
  ask();
  expect(tell()).toBe(1);
  expect(heard).toHaveLength(1003);
  ask();
  said.message(message("right after a flood"));
  expect(tell()).toBe(0);
  jest.advanceTimersByTime(20);
  expect(tell()).toBe(1);
});

test("of a link that the page has let go of it hears nothing more", () => {
  const { links, opened, ask, tell } = pageWithWorker();
  const { heard, events } = listener();
  const link = links.open("ws://manager/ws", undefined, events);
  ask();
  opened[0]!.events.connected("anna");
  link.close();
  tell();
  ask();
  expect([heard, opened[0]!.link.closedByPage]).toEqual([[], true]);
});

test("a page that is too slow for what comes has a bounded part of it waiting, and its link is given up", () => {
  const { links, opened, ask, tell, toPage } = pageWithWorker();
  const { heard, events } = listener();
  links.open("ws://manager/ws", undefined, events);
  ask();
  const { link, events: said } = opened[0]!;
  const large = message(new Uint8Array(1024 * 1024));
  said.message(large);
  for (let count = 0; !link.closedByPage && count < 100; count++) said.message(large);
  expect(toPage).toHaveLength(1);
  tell();
  ask();
  tell();
  expect(heard.at(-1)).toEqual(["closed", 1006, ""]);
  expect(heard.length * 1024 * 1024).toBeLessThan(waitingBytesMax + 3 * 1024 * 1024);
});

test("where the worker does not come about, the links are in the page", () => {
  const { links, opened, worker } = pageWithWorker();
  const { heard, events } = listener();
  const link = links.open("ws://manager/ws", "a token", events);
  worker.onerror!.call(worker as Worker, { message: "no such script" } as ErrorEvent);
  expect(opened).toHaveLength(1);
  opened[0]!.events.connected("anna");
  link.send("/topic/a", "hello", {});
  expect([heard, opened[0]!.link.texts]).toEqual([[["connected", "anna"]], ["hello"]]);
  // The next one, too.
  links.open("ws://manager/ws", undefined, events);
  expect(opened).toHaveLength(2);
});
