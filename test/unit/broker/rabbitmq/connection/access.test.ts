import { expect, test } from "bun:test";
import { loginTo, type Secrets } from "../../../../../src/broker/rabbitmq/connection/access.ts";

const none: Secrets = { password: undefined, tls: {} };
const certificate: Secrets = { password: undefined, tls: { cert: "a certificate", key: "its key" } };

test.each([
  ["amqp://anna:secret@host", none, { name: "anna", password: "secret" }],
  ["amqp://j%C3%BCrgen:p%C3%A4ss%E2%82%AC%2F%40@host", none, { name: "jürgen", password: "päss€/@" }],
  ["amqp://jürgen:pässß@host", none, { name: "jürgen", password: "pässß" }],
  ["amqp://a:100%25@host", none, { name: "a", password: "100%" }],
  // No UTF-8: Latin-1, say.
  ["amqp://a:p%E4ss@host", none, { name: "a", password: "p%E4ss" }],
  ["amqp://a@host", none, { name: "a", password: "" }],
  ["amqp://a@host", { ...none, password: "from a file" }, { name: "a", password: "from a file" }],
  ["amqp://host", none, { name: "guest", password: "guest" }],
  ["amqps://host", none, { name: "guest", password: "guest" }],
  ["amqps://a:b@host", certificate, { name: "a", password: "b" }],
  ["amqps://host", certificate, undefined],
] as const)("%s logs in", (url, secrets, user) => {
  const login = loginTo(`${url}:5671/v?heartbeat=3`, secrets);
  expect(login.user).toEqual(user);
  expect(login.url.href).toBe(`${url.replace(/\/\/.*@/, "//")}:5671/v?heartbeat=3`);
});

test.each([
  ["amqp://ho%61t:10000/v%2fhost", "amqp://hoat:10000/v%2fhost"],
  ["amqp://a:b@[::1]:5672/v", "amqp://[::1]:5672/v"],
  ["amqp://a:b@[fe80::1]", "amqp://[fe80::1]"],
])("%s is reached as %s", (url, reached) => {
  expect(loginTo(url, none).url.href).toBe(reached);
});
