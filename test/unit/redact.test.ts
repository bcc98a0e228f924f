import { expect, test } from "bun:test";
import fc from "fast-check";
import { withoutPassword } from "../../src/redact.ts";
import { rounds } from "./doubles/rounds.ts";

test.each([
  ["amqp://user:secret@host:5672/vhost", "amqp://user:***@host:5672/vhost"],
  ["amqp://user:@host", "amqp://user:***@host"],
  ["amqp://:secret@host", "amqp://:***@host"],
  ["amqps://a:one@b,amqps://c:two@d", "amqps://a:***@b,amqps://c:***@d"],
  ["ws://host/ws?token=a.b.c&topic=x", "ws://host/ws?token=***&topic=x"],
  [
    "no wss://user:secret@host/ws?topic=x&token=a.b.c there",
    "no wss://user:***@host/ws?topic=x&token=*** there",
  ],
  ["amqp://user:pass?token=x@host", "amqp://user:***@host"],
  ["cannot reach amqp://u:secret@h: refused", "cannot reach amqp://u:***@h: refused"],
])("%s becomes %s", (text, expected) => {
  expect(withoutPassword(text)).toBe(expected);
});

test.each([
  "amqp://host",
  "amqp://host:5672/vhost",
  "amqp://user@host",
  "amqp://a:5672,amqp://b:5672/v",
  "memory:",
  "no URL, but user:word@place",
  "",
])("without a password nothing changes: %s", (text) => {
  expect(withoutPassword(text)).toBe(text);
});

test("no character of a password is left, even where it should have been percent-encoded", () => {
  // Capitals stand nowhere else in the text.
  const password = fc
    .array(fc.constantFrom("S", "X", "Z", "/", "@", ":", ",", "#", "?", " ", "%", "\n"), { minLength: 1 })
    .map((characters) => characters.join(""));
  fc.assert(
    fc.property(fc.array(password, { minLength: 1, maxLength: 3 }), (passwords) => {
      const text = passwords.map((secret) => `amqp://user:${secret}@host`).join(",");
      expect(withoutPassword(text)).toBe(passwords.map(() => "amqp://user:***@host").join(","));
    }),
    rounds(300),
  );
});
