import { version } from "../version.ts";
import { pageMax } from "./command.ts";
import { lettersMax } from "./letter-routes.ts";

const json = (description: string) => ({ description, content: { "application/json": {} } });
const id = { name: "id", in: "path", required: true, schema: { type: "string" } };
const query = (name: string, description: string, schema: object, required = false) => ({
  name,
  in: "query",
  description,
  required,
  schema,
});
const refusals = { "401": json("no or wrong token") };
const handed = {
  "200": json("RabbitMQ has confirmed it"),
  "400": json("the topic is none, or the broker could not carry the message"),
  "413": json("the body is larger than --max-message-bytes"),
  "409": json("the Idempotency-Key belongs to another message"),
  "422": json("RabbitMQ refuses it, and it is not tried again"),
  "503": json("too many wait for earlier messages with their keys"),
  "504": json("RabbitMQ has not confirmed it within 30 seconds"),
  ...refusals,
};
const ofLetters = {
  "404": json("there is none, or the broker keeps none"),
  "503": json("RabbitMQ cannot be asked"),
  ...refusals,
};
const key = {
  name: "Idempotency-Key",
  in: "header",
  description: "a second message with the same key is not published (--idempotency-window)",
  schema: { type: "string", maxLength: 255 },
};
const body = { required: true, content: { "*/*": {} } };

/** `/api/openapi.json`: what the control API takes and answers. A test holds it against the server. */
export const openApi = {
  openapi: "3.1.0",
  info: { title: "Warren control", version },
  security: [{ token: [] }],
  components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  paths: {
    "/api/openapi.json": {
      get: { summary: "This description", responses: { "200": json("OpenAPI 3.1"), ...refusals } },
    },
    "/api/managers": {
      get: { summary: "All managers", responses: { "200": json("managers"), ...refusals } },
    },
    "/api/topics": {
      get: {
        summary: "Topics and patterns with live subscribers",
        responses: { "200": json("topics"), ...refusals },
      },
    },
    "/api/clients": {
      get: {
        summary: "Clients of all managers, by id",
        parameters: [
          query("after", "the last id of the page before", { type: "string" }),
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
          "200": json("a page; `next` is there if more may follow"),
          "400": json("no such limit, or a search of more than 255 characters"),
          ...refusals,
        },
      },
    },
    "/api/clients/{id}": {
      get: {
        summary: "The connections of a client",
        parameters: [id],
        responses: { "200": json("connections"), "404": json("it is not connected"), ...refusals },
      },
      delete: {
        summary: "Disconnects a client (4410)",
        parameters: [id],
        responses: {
          "200": json("how many connections there were"),
          "404": json("it is not connected"),
          ...refusals,
        },
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
          "200": json("RabbitMQ has it; how many connections there were"),
          "400": json("no such time, or no client id"),
          "503": json("it cannot be kept now, and why"),
          ...refusals,
        },
      },
    },
    "/api/clients/{id}/send": {
      post: {
        summary: "Sends a message to a client alone",
        parameters: [id, query("topic", "the topic that it is about", { type: "string" }), key],
        requestBody: body,
        responses: { ...handed, "404": json("it is not connected") },
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
        responses: { "200": json("dead letters"), "400": json("no such limit"), ...ofLetters },
      },
    },
    "/api/dead-letters/{id}": {
      get: {
        summary: "A dead letter with all of its body",
        parameters: [id],
        responses: { "200": json("the dead letters with this id"), ...ofLetters },
      },
    },
    "/api/dead-letters/replay": {
      post: {
        summary: "Puts dead letters back into the queues of their groups; nobody else hears them",
        requestBody: { required: true, content: { "application/json": {} } },
        responses: {
          "200": json("how many were put back, and how many stayed"),
          "400": json("the body names none"),
          "413": json("the body is too large"),
          ...ofLetters,
        },
      },
    },
    "/api/drain": {
      post: {
        summary: "This manager's clients leave evenly over a time (1012), then it stops",
        parameters: [query("over", "such as 30s", { type: "string", default: "30s" })],
        responses: { "202": json("it has begun"), "400": json("no such time"), ...refusals },
      },
    },
    "/api/log-level": {
      get: { summary: "The log level of this process", responses: { "200": json("level"), ...refusals } },
      put: {
        summary: "Changes it",
        requestBody: { required: true, content: { "application/json": {} } },
        responses: { "200": json("level"), "400": json("no such level"), ...refusals },
      },
    },
  },
} as const;
