import { bodyUpTo } from "../http-body.ts";
import { headerPrefix, safeName, safeValue, typeIn } from "../http-headers.ts";
import { bodyIn, faultInProperty } from "../properties.ts";
import { withoutPassword } from "../redact.ts";
import { awaitedBy } from "../requests.ts";
import { Hopeless } from "./attempts.ts";
import type { Handler, HandlerMessage } from "./handler.ts";
import type { HandlerContext } from "./handler-types.ts";
import { UnusableAnswer } from "./unusable-answer.ts";

/** RabbitMQ's default limit for one message, in bytes. */
const answerBytesMax = 16 * 1024 ** 2;
/** How much of an error response is quoted in the reason. In bytes. */
const reasonBytesMax = 1000;

/** No content: the service has no answer. */
const nothing = 204;
/** Client errors after which another attempt may succeed: a timeout, and too many requests. */
const passing: ReadonlySet<number> = new Set([408, 429]);

/**
 * A handler that POSTs each message to a service, whose response is the answer (docs/protocol.md, "Handlers"). A redirect counts as a
 * failure, since following it would change the method.
 */
export function handlerAt(url: string): Handler {
  const { href, authorization } = withoutCredentials(url);
  return async (message, context) => {
    const headers = headersOf(message, context);
    if (authorization !== undefined) headers.set("authorization", authorization);
    const response = await posted(href, message, headers, context.signal);
    if (response.status === nothing) return undefined;
    if (response.ok) return await answerOf(response, message);
    const reason = `the handler's service answered ${response.status}${await detailOf(response)}`;
    const isFinal = response.status >= 400 && response.status < 500 && !passing.has(response.status);
    throw isFinal ? new Hopeless(reason) : new Error(reason);
  };
}

async function posted(
  href: string,
  { body }: HandlerMessage,
  headers: Headers,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(href, { method: "POST", body: body as BodyInit, headers, signal, redirect: "manual" });
  } catch (cause) {
    if (signal.aborted) throw cause;
    const why = withoutPassword(cause instanceof Error ? cause.message : String(cause));
    throw new Error(`the handler's service does not answer: ${why}`, { cause });
  }
}

/** Takes the credentials out of a URL, since `fetch` does not accept them there. */
function withoutCredentials(url: string): { readonly href: string; readonly authorization?: string } {
  const parsed = new URL(url);
  const { username, password } = parsed;
  if (username === "" && password === "") return { href: parsed.href };
  parsed.username = "";
  parsed.password = "";
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { href: parsed.href, authorization: `Basic ${Buffer.from(login).toString("base64")}` };
}

/** The message's headers and properties, each as `warren-NAME`, and what else a handler may know. */
function headersOf(
  message: HandlerMessage,
  { attempt, group, traceparent, tracestate }: HandlerContext,
): Headers {
  const plainest = typeof message.body === "string" ? "text/plain" : "application/octet-stream";
  const headers = new Headers({ "content-type": typeIn(message.contentType) ?? plainest });
  for (const name in message.headers) headers.append(safeName(name), safeValue(message.headers[name]!));
  // Trace headers also get the names that every tracing library knows.
  for (const [name, value] of Object.entries({ traceparent, tracestate }))
    if (value !== undefined) headers.set(name, safeValue(value));
  const facts = {
    "message-id": message.id,
    topic: message.topic,
    "client-id": message.clientId,
    timestamp: message.timestamp,
    group,
    attempt,
  };
  for (const [name, value] of Object.entries(facts)) {
    // Only Warren may set its own headers.
    if (value === undefined) headers.delete(`${headerPrefix}${name}`);
    else headers.set(`${headerPrefix}${name}`, safeValue(String(value)));
  }
  return headers;
}

async function answerOf(response: Response, message: HandlerMessage): Promise<unknown> {
  const type = response.headers.get("content-type") ?? undefined;
  const bytes = await bodyUpTo(response.body, answerBytesMax);
  if (bytes === undefined)
    throw new UnusableAnswer(`the handler's service answered with more than ${answerBytesMax} bytes`);
  const body = bodyIn(bytes, type);
  const isOfUse = type !== undefined && type !== "" && faultInProperty("content-type", type) === undefined;
  // A request for which no client waits has no answer.
  if (message.isRequest && awaitedBy(message) === undefined) return undefined;
  return {
    to: message.isRequest ? "sender" : "topic",
    body,
    ...(isOfUse ? { contentType: type } : {}),
  };
}

async function detailOf(response: Response): Promise<string> {
  const bytes = await bodyUpTo(response.body, reasonBytesMax);
  const text = bytes?.toString("utf8").trim() ?? "";
  return text === "" ? "" : `: ${text}`;
}
