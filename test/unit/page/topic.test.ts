import { expect, test } from "bun:test";
import {
  pageOnTopic,
  socketUrl,
  topicOfDestination,
  topicOfPage,
  topicProblem,
} from "../../../static/session/topic.ts";

test("any words up to 255 bytes are a topic, and none is broadcast", () => {
  for (const topic of ["", "news", "news.sport", "new*s", "größe", "a".repeat(255), "news.*", "#"]) {
    expect(topicProblem(topic)).toBeUndefined();
  }
});

test("control characters, more than 255 bytes and more wildcards than the manager takes are not", () => {
  expect(topicProblem("a\u0007b")).toContain("control characters");
  expect(topicProblem("ö".repeat(128))).toContain("this one has 256");
  expect(topicProblem("*.".repeat(17))).toContain("at most 16");
});

test("a destination tells the topic, and broadcast is the unnamed one", () => {
  expect(topicOfDestination("/topic/news")).toBe("news");
  expect(topicOfDestination("/broadcast")).toBe("");
});

test("the page's link carries the topic and whatever else it had", () => {
  expect(topicOfPage("http://host/?topic=a%26b")).toBe("a&b");
  expect(topicOfPage("http://host/")).toBe("");
  expect(pageOnTopic("http://host/?x=1&topic=old", "a&b")).toBe("http://host/?x=1&topic=a%26b");
  expect(pageOnTopic("http://host/?topic=old", "")).toBe("http://host/");
});

test("the WebSocket is beside the page, secure if the page is", () => {
  expect(socketUrl("http://host:8000/?topic=old", "id")).toBe("ws://host:8000/ws/id");
  expect(socketUrl("http://host:8000/#token=secret", undefined)).toBe("ws://host:8000/ws");
  expect(socketUrl("https://host/warren/#x", "a/b")).toBe("wss://host/warren/ws/a%2Fb");
});
