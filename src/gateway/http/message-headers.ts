import { keyHeader } from "../../envelope/idempotency-key.ts";
import { headerPrefix, plainText, safeName, safeValue, typeIn } from "../../http-headers.ts";
import { isReservedHeader, isShortText, type Headers as MessageHeaders } from "../../message.ts";
import { faultInProperty, isPropertyName } from "../../properties.ts";
import { fault } from "./answers.ts";

/** HTTP headers that become headers of the message under the same name. */
const same = ["content-type", "content-encoding", "traceparent", "tracestate", keyHeader] as const;
/** Headers that only Warren sets, never a sender. */
const own: ReadonlySet<string> = new Set(["message-id", "client-id", "topic", "subscription", "destination"]);

/**
 * The headers and properties of the message in a request: `Content-Type`, `Content-Encoding`, `Idempotency-Key`, the two of a trace, and
 * all `Warren-NAME`, whose values are percent-decoded and count more: browsers and proxies set some of the others by themselves. Undefined if
 * there are none; an answer if one is not allowed, or if there are two keys.
 */
export function headersIn(request: Request): MessageHeaders | Response | undefined {
  // Without a prototype, so that no header name has a meaning for JavaScript.
  const found = Object.create(null) as Record<string, string>;
  for (const [name, value] of request.headers) {
    if (!name.startsWith(headerPrefix)) continue;
    const plainName = plainText(name.slice(headerPrefix.length));
    const plainValue = plainText(value);
    if (found[plainName] !== undefined && found[plainName] !== plainValue) return twice(plainName);
    found[plainName] = plainValue;
  }
  for (const name of same) {
    const value = request.headers.get(name);
    if (value === null || value === "") continue;
    if (name === keyHeader && found[name] !== undefined && found[name] !== value) return twice(name);
    found[name] ??= value;
  }
  let isEmpty = true;
  for (const name in found) {
    const why = faultIn(name, found[name]!);
    if (why !== undefined) return fault(400, why);
    isEmpty = false;
  }
  return isEmpty ? undefined : found;
}

function twice(name: string): Response {
  return fault(400, `the message's header ${name} came twice, with different values: send it once`);
}

/** Why this cannot be a message's header, in a sentence for the sender; undefined if it can. */
function faultIn(name: string, value: string): string | undefined {
  if (!isShortText(name) || name === "") return "a header's name has 1 to 255 bytes";
  if (isReservedHeader(name) || own.has(name))
    return `a message's header ${name} is not for clients to set: leave Warren-${name} out`;
  const why = isPropertyName(name) ? faultInProperty(name, value) : undefined;
  return why === undefined ? undefined : `${name} ${why}`;
}

/** Converts a message's headers into those of a response; its content type is among them only where HTTP cannot carry it. */
export function headersFor(headers: MessageHeaders | undefined): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const name in headers)
    if (!isReservedHeader(name) && !isOwnType(name, headers[name]!))
      shown[safeName(name)] = safeValue(headers[name]!);
  return shown;
}

function isOwnType(name: string, value: string): boolean {
  return name === "content-type" && typeIn(value) !== undefined;
}
