import { version } from "../version.ts";
import { pageMax } from "./command.ts";
import { lettersMax } from "./letter-routes.ts";

const text = (description: string) => ({ description, content: { "text/plain": {} } });
const json = (description: string) => ({ description, content: { "application/json": {} } });
/** The answer to an invalid request. `description` says what is wrong with it, besides what may be wrong with any. */
const bad = (description: string) => ({
  description: `${description}; or the query is not well encoded, has a parameter twice or more than 64, or the header Host names no host`,
  content: { "application/json": {}, "text/plain": {} },
});
const id = { name: "id", in: "path", required: true, schema: { type: "string" } };
const query = (name: string, description: string, schema: object, required = false) => ({
  name,
  in: "query",
  description,
  required,
  schema,
});
/** The answers that any operation may give, unless it has a more precise one. */
const refusals = {
  "400": {
    description:
      "the query is not well encoded, has a parameter twice or more than 64, or the header Host names no host",
    content: { "application/json": {}, "text/plain": {} },
  },
  "401": json("no or wrong token"),
  "403": text("asked under a name that is no address, not localhost, and not in --allow-host"),
  "503": json("the token in --admin-token-file cannot be read"),
};
/** The answer about a client that no manager has found. */
const unfound = "a manager has not answered, and no other has this client";
const ofClient = {
  ...refusals,
  "404": json("it is not connected"),
  "503": json(`${unfound}; or the token cannot be read`),
};
const handed = {
  ...refusals,
  "200": json("RabbitMQ has confirmed it"),
  "400": bad(
    "the topic or the key is none, the broker could not carry the message, or the body could not be read",
  ),
  "413": json("the body is larger than --max-message-bytes"),
  "409": json("the Idempotency-Key belongs to another message"),
  "422": json("RabbitMQ refuses it, and it is not tried again"),
  "503": json(
    "too many messages wait for RabbitMQ, too many wait for earlier messages with their keys, or the token cannot be read",
  ),
  "504": json("RabbitMQ has not confirmed it within 30 seconds; it may still arrive"),
};
const ofLetters = {
  ...refusals,
  "404": json("there is none, or the broker keeps none"),
  "503": json("RabbitMQ cannot be asked, or the token cannot be read"),
};
const key = {
  name: "Idempotency-Key",
  in: "header",
  description: "a second message with the same key is not published (--idempotency-window)",
  schema: { type: "string", maxLength: 255 },
};
const body = { required: true, content: { "*/*": {} } };

/** `/api/openapi.json`: the requests and answers of the control API. A test checks it against the server. */
export const openApi = {
  openapi: "3.1.0",
  info: { title: "Warren control", version },
  security: [{ token: [] }],
  components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  paths: {
    "/api/openapi.json": {
      get: { summary: "This description", responses: { ...refusals, "200": json("OpenAPI 3.1") } },
    },
    "/api/managers": {
      get: { summary: "All managers", responses: { ...refusals, "200": json("managers") } },
    },
    "/api/topics": {
      get: {
        summary: "Topics and patterns with live subscribers",
        responses: {
          ...refusals,
          "200": json(
            "topics; `others` is there if a manager has more than it lists: then counts are the least",
          ),
        },
      },
    },
    "/api/clients": {
      get: {
        summary: "Clients of all managers, by id",
        parameters: [
          query("after", "`next` of the page before, or a client's id", { type: "string" }),
          query("search", "those with this text in their id, address, protocol, or a topic of theirs", {
            type: "string",
            maxLength: 255,
          }),
          query("limit", "clients in a page", {
            type: "integer",
            minimum: 1,
            maximum: pageMax,
            default: 100,
          }),
        ],
        responses: {
          ...refusals,
          "200": json("a page; `next` is there if more follow"),
          "400": bad("no such limit, or a search of more than 255 characters"),
        },
      },
    },
    "/api/clients/{id}": {
      get: {
        summary: "The connections of a client",
        parameters: [id],
        responses: { ...ofClient, "200": json("connections") },
      },
      delete: {
        summary: "Disconnects a client (4410)",
        parameters: [id],
        responses: { ...ofClient, "200": json("how many connections there were") },
      },
    },
    "/api/clients/{id}/revoke": {
      post: {
        summary: "Disconnects a client (4410), and refuses its tokens that were issued before now",
        parameters: [
          id,
          query("for", "how long they are refused, such as 12h or 30d; at most 90d", {
            type: "string",
            default: "30d",
          }),
        ],
        responses: {
          ...refusals,
          "200": json("RabbitMQ has it; how many connections there were"),
          "400": bad("no such time, or no client id"),
          "503": json("it cannot be kept, and why; or the token cannot be read"),
        },
      },
    },
    "/api/clients/{id}/send": {
      post: {
        summary: "Sends a message to a client alone",
        parameters: [id, query("topic", "the topic that it is about", { type: "string" }), key],
        requestBody: body,
        responses: {
          ...handed,
          "404": ofClient["404"],
          "503": json(`${unfound}; ${handed["503"].description}`),
        },
      },
    },
    "/api/publish": {
      post: {
        summary: "Sends a message to all clients of a topic",
        parameters: [query("topic", "the topic", { type: "string" }, true), key],
        requestBody: body,
        responses: handed,
      },
    },
    "/api/dead-letters": {
      get: {
        summary: "What handlers failed to handle, the oldest first",
        parameters: [
          query("limit", "dead letters in the list", {
            type: "integer",
            minimum: 1,
            maximum: lettersMax,
            default: lettersMax,
          }),
          query("group", "those of this group", { type: "string" }),
          query("reason", "those whose reason has this text in it", { type: "string" }),
        ],
        responses: { ...ofLetters, "200": json("dead letters"), "400": bad("no such limit") },
      },
    },
    "/api/dead-letters/{id}": {
      get: {
        summary: "A dead letter with all of its body",
        parameters: [id],
        responses: { ...ofLetters, "200": json("the dead letters with this id") },
      },
    },
    "/api/dead-letters/replay": {
      post: {
        summary: "Puts dead letters back into the queues of their groups; nobody else hears them",
        requestBody: { required: true, content: { "application/json": {} } },
        responses: {
          ...ofLetters,
          "200": json("how many were put back, and how many stayed"),
          "400": bad("the body names none, or could not be read"),
          "413": json("the body is too large"),
        },
      },
    },
    "/api/drain": {
      post: {
        summary: "This manager's clients leave evenly over a time (1012), then it stops",
        parameters: [query("over", "such as 30s", { type: "string", default: "30s" })],
        responses: { ...refusals, "202": json("it has begun"), "400": bad("no such time") },
      },
    },
    "/api/log-level": {
      get: { summary: "The log level of this process", responses: { ...refusals, "200": json("level") } },
      put: {
        summary: "Changes it",
        requestBody: { required: true, content: { "application/json": {} } },
        responses: {
          ...refusals,
          "200": json("level"),
          "400": bad("no such level"),
          "413": json("the body is too large"),
        },
      },
    },
  },
} as const;
