import { expect, test } from "bun:test";
import { pageOnTopic, socketUrl, topicOfPage, topicProblem } from "../../../static/session/topic.ts";

test("any words up to 255 bytes are a topic, and none is broadcast", () => {
  for (const topic of ["", "news", "news.sport", "new*s", "größe", "a".repeat(255)]) {
    expect(topicProblem(topic)).toBeUndefined();
  }
});

test("control characters, patterns and more than 255 bytes are not", () => {
  expect(topicProblem("a\u0007b")).toContain("control characters");
  expect(topicProblem("news.*")).toContain("patterns");
  expect(topicProblem("#")).toContain("patterns");
  expect(topicProblem("ö".repeat(128))).toContain("this one has 256");
});

test("the page's link carries the topic and whatever else it had", () => {
  expect(topicOfPage("http://host/?topic=a%26b")).toBe("a&b");
  expect(topicOfPage("http://host/")).toBe("");
  expect(pageOnTopic("http://host/?x=1&topic=old", "a&b")).toBe("http://host/?x=1&topic=a%26b");
  expect(pageOnTopic("http://host/?topic=old", "")).toBe("http://host/");
});

test("the WebSocket is beside the page, secure if the page is", () => {
  expect(socketUrl("http://host:8000/?topic=old", "id", "")).toBe("ws://host:8000/ws/id");
  expect(socketUrl("https://host/warren/#x", "a/b", "n w")).toBe("wss://host/warren/ws/a%2Fb?topic=n+w");
});
