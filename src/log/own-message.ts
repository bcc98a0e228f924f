import { ownBytes } from "../costs.ts";
import type { Headers, Message } from "../message.ts";

/** With more headers than this, they are kept as text: an object whose property names are used nowhere else takes some 300 bytes for each. */
const headersMax = 4;

/** Whether they are better kept as text. */
export function hasMany(headers: Headers | undefined): boolean {
  let count = 0;
  for (const _ in headers) if (++count > headersMax) return true;
  return false;
}

/** The same message, without the buffer that it came in. */
export function ownMessage(message: Message): Message {
  const { body } = message;
  if (typeof body === "string") return message;
  const own = ownBytes(body);
  return own === body ? message : { ...message, body: own };
}
