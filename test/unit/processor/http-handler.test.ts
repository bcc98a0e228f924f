import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import type { Message } from "../../../src/message.ts";
import { Hopeless } from "../../../src/processor/attempts.ts";
import { HandlerMessage } from "../../../src/processor/handler.ts";
import { handlerAt } from "../../../src/processor/http-handler.ts";
import { callOf } from "../doubles/published-answers.ts";

let asked: {
  readonly headers: Headers;
  readonly body: string;
  readonly method: string;
  readonly path: string;
}[];
let respond: () => Response | Promise<Response>;
beforeEach(() => {
  asked = [];
  respond = () => new Response("answer");
});
const service = Bun.serve({
  port: 0,
  async fetch(request) {
    const { pathname, search } = new URL(request.url);
    asked.push({
      headers: request.headers,
      body: await request.text(),
      method: request.method,
      path: pathname + search,
    });
    return respond();
  },
});
afterAll(() => service.stop(true));

const message: Message = {
  id: "m-1",
  body: "hello",
  topic: "a.b",
  clientId: "c-1",
  headers: { shade: "dark 100% grün\n", "correlation-id": "7", topic: "mine", "odd name": " padded " },
  appId: "manager-1",
  timestamp: 12,
};

async function answerTo(asking: Message = message, url = `${service.url}hook?x=1`): Promise<unknown> {
  return await handlerAt(url)(new HandlerMessage(asking), callOf(asking));
}
const failureOf = async (url?: string) =>
  await answerTo(message, url).then(
    () => undefined,
    (error: unknown) => error as Error,
  );

describe("a service that handles messages", () => {
  test("is POSTed the body, with headers and properties of which each value can be got back", async () => {
    await answerTo();
    const { headers, body, method, path } = asked[0]!;
    expect([method, path, body, headers.get("content-type")]).toEqual([
      "POST",
      "/hook?x=1",
      "hello",
      "text/plain",
    ]);
    const said = Object.fromEntries(
      [...headers]
        .filter(([name]) => name.startsWith("warren-"))
        .map(([name, value]) => [decodeURIComponent(name), decodeURIComponent(value)]),
    );
    expect(said).toEqual({
      "warren-message-id": "m-1",
      "warren-topic": "a.b",
      "warren-client-id": "c-1",
      "warren-timestamp": "12",
      "warren-group": "g",
      "warren-attempt": "1",
      "warren-shade": "dark 100% grün\n",
      "warren-correlation-id": "7",
      "warren-odd name": " padded ",
    });
  });

  test("is POSTed a message whose content type HTTP cannot carry as what its body is, with that type as a header", async () => {
    await answerTo({ ...message, headers: { "content-type": "text/ж\n" } });
    const { headers } = asked[0]!;
    expect([headers.get("content-type"), headers.get("warren-content-type")]).toEqual([
      "text/plain",
      "text/%D0%B6%0A",
    ]);
  });

  test("is sent bytes as bytes, with the content type of the message", async () => {
    respond = () => new Response(null, { status: 204 });
    const type = { "content-type": "image/png" };
    await answerTo({ ...message, body: new Uint8Array([1, 2, 3]), headers: type });
    expect([asked[0]!.body, asked[0]!.headers.get("content-type")]).toEqual([
      "\u0001\u0002\u0003",
      "image/png",
    ]);
  });

  test("cannot be deceived about the sender of a message", async () => {
    await answerTo({ ...message, clientId: undefined, headers: { "Client-ID": "admin", "Message-Id": "x" } });
    expect(asked[0]!.headers.get("warren-client-id")).toBeNull();
    expect(asked[0]!.headers.get("warren-message-id")).toBe("m-1");
  });

  test("answers with the body of its response, as text or bytes, of its content type", async () => {
    expect(await answerTo()).toMatchObject({ body: "answer" });
    respond = () => Response.json({ to: "everyone" });
    expect(await answerTo()).toMatchObject({
      body: '{"to":"everyone"}',
      contentType: expect.stringContaining("application/json"),
    });
    respond = () => new Response(new Uint8Array([0xff]), { headers: { "content-type": "text/plain" } });
    expect(await answerTo()).toMatchObject({ body: Buffer.from([0xff]) });
    respond = () => new Response("", { status: 200 });
    expect(await answerTo()).toMatchObject({ body: "" });
  });

  test("has nothing to answer with 204", async () => {
    respond = () => new Response(null, { status: 204 });
    expect(await answerTo()).toBeUndefined();
  });

  test.each([400, 404, 422, 431, 499])("fails for good with %d, with what it says", async (status) => {
    respond = () => new Response(" no such order ", { status });
    const failure = await failureOf();
    expect(failure).toBeInstanceOf(Hopeless);
    expect(failure!.message).toBe(`the handler's service answered ${status}: no such order`);
  });

  test.each([301, 303, 307, 408, 429, 500, 502, 503])(
    "is asked again after %d, and never followed elsewhere",
    async (status) => {
      respond = () => new Response(null, { status, headers: { location: "/elsewhere" } });
      const failure = await failureOf();
      expect(failure).not.toBeInstanceOf(Hopeless);
      expect(failure!.message).toInclude(String(status));
      expect(asked).toHaveLength(1);
    },
  );

  test("is asked again where it does not listen, or hangs up in the middle of an answer", async () => {
    const gone = createServer((socket) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    }).listen(0);
    const { port } = gone.address() as { readonly port: number };
    const half = await failureOf(`http://127.0.0.1:${port}`);
    gone.close();
    expect(half).toBeInstanceOf(Error);
    expect(half).not.toBeInstanceOf(Hopeless);
    const failure = await failureOf("http://user:secret@127.0.0.1:1/");
    expect(failure!.message).toInclude("does not answer");
    expect(failure!.message).not.toInclude("secret");
  });

  test("that answers without end is left after the limit", async () => {
    const chunk = new Uint8Array(1024 ** 2);
    respond = () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(chunk) }));
    expect((await failureOf())!.message).toInclude("more than 16777216 bytes");
  });

  test("is given the user and password of its URL", async () => {
    const url = new URL(service.url);
    url.username = "us%40er";
    url.password = "p%3A%20w";
    await answerTo(message, url.href);
    expect(asked[0]!.headers.get("authorization")).toBe(`Basic ${btoa("us@er:p: w")}`);
  });

  test("is not waited for any longer once the handler's time is over", async () => {
    respond = () => new Promise(() => undefined);
    const call = callOf(message);
    const answer = handlerAt(service.url.href)(new HandlerMessage(message), call) as Promise<unknown>;
    call.abort(new Error("took too long"));
    await expect(answer).rejects.toThrow("took too long");
  });
});
