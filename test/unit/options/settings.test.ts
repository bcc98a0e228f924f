import { expect, test } from "bun:test";
import { parseCommand } from "../../../src/options/parse.ts";
import { settingsOf } from "../../../src/options/settings.ts";

function settingsOfLine(line: string, env: Record<string, string> = {}) {
  const command = parseCommand(line.split(" ").filter(Boolean), env);
  if (command.do !== "run") throw new Error(`"${line}" runs nothing`);
  return settingsOf(command.options);
}

test("the settings are those that differ from the defaults, wherever they come from", () => {
  expect(
    settingsOfLine("--port 9000 --auth jwt --jwt-secret-file ./s", { WARREN_MAX_MESSAGE_BYTES: "2MiB" }),
  ).toEqual({
    broker: "memory:",
    port: "9000",
    auth: "jwt",
    jwtSecretFile: "./s",
    maxMessageBytes: "2MiB",
  });
});

test("no setting has a password", () => {
  const line = "--role manager --broker amqps://user:hidden@a,amqps://user:hidden@b";
  const jwks = "--auth jwt --jwks-url https://user:hidden@id.example/keys";
  const settings = settingsOfLine(`${line} ${jwks}`);
  expect(settings).toMatchObject({
    broker: "amqps://user:***@a,amqps://user:***@b",
    jwksUrl: "https://user:***@id.example/keys",
  });
  expect(JSON.stringify(settings)).not.toInclude("hidden");
});

test("settings that the role does not use are not shown", () => {
  expect(settingsOfLine("--role processor", { WARREN_PORT: "9000" })).toEqual({
    role: "processor",
    broker: "amqp://guest:***@localhost:5672",
  });
});
