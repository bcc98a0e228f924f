/** A message that a person has written. */
export interface Draft {
  /** What is to be sent. */
  readonly body: string | Uint8Array;
  /** The headers of its SEND frame. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the text in the field may be. */
export const draftKinds = ["text", "json", "bytes"] as const;
/** One of these kinds. */
export type DraftKind = (typeof draftKinds)[number];

/** Headers that the page sets itself, or that would change the meaning of the frame. */
const reserved =
  /^(destination|receipt|content-length|content-type|transaction|id|page-message|(x|warren)-.*)$/i;

/**
 * Makes a message of the text that a person wrote.
 *
 * @param headers one in each line, as `name: value`
 * @returns the message, or why it is invalid
 */
export function draftFrom(text: string, kind: DraftKind, headers: string): Draft | string {
  const given = headersIn(headers);
  if (typeof given === "string") return given;
  switch (kind) {
    case "text":
      return { body: text, headers: given };
    case "json":
      try {
        JSON.parse(text);
      } catch (error) {
        return `This is not JSON: ${error instanceof Error ? error.message : String(error)}`;
      }
      return { body: text, headers: { ...given, "content-type": "application/json" } };
    case "bytes": {
      const body = bytesIn(text);
      if (body === undefined) return "Write bytes as pairs of hexadecimal digits: ca fe 00.";
      return { body, headers: { ...given, "content-type": "application/octet-stream" } };
    }
  }
}

function headersIn(text: string): Readonly<Record<string, string>> | string {
  const headers: Record<string, string> = {};
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim();
    if (colon === -1 || name === "") return `A header is a name, a colon and a value: ${line.trim()}`;
    if (reserved.test(name)) return `You cannot set the header ${name}.`;
    headers[name] = line.slice(colon + 1).trim();
  }
  return headers;
}

function bytesIn(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/\s/g, "");
  if (!/^([0-9a-f]{2})+$/i.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g)!, (pair) => Number.parseInt(pair, 16));
}
