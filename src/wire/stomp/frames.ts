/**
 * STOMP frames as text, and their parts. https://stomp.github.io/stomp-specification-1.2.html, "Augmented BNF". Versions 1.2 and 1.1 differ
 * in escaping: 1.1 has no `\r`.
 */
export type Version = "1.1" | "1.2";

/** The longest command or header, without its line end. In bytes. */
export const lineBytesMax = 8 * 1024;
/** After this many line ends between two frames a parser pauses: a WebSocket message may consist of nothing else. */
export const lineEndsAtOnce = 32 * 1024;

/** A frame that was received. */
export interface Frame {
  /** Such as SEND. */
  readonly command: string;
  /** The headers. If a name is repeated, the first value counts. */
  readonly headers: ReadonlyMap<string, string>;
  /** Valid only until the parser gets more input: copy what is to be kept. */
  readonly body: Buffer;
}

/** The caps of one frame. */
export interface FrameLimits {
  /** Frames with a larger body are faulty. */
  readonly maxMessageBytes: number;
  /** How many headers a frame may have. */
  readonly maxHeaders: number;
  /** How long the command and all headers may be together, with their line ends. In bytes. */
  readonly maxHeaderBytes: number;
}

/** A header, not escaped. */
export type Header = readonly [name: string, value: string];

/** Whether the headers of this command are not escaped, for compatibility with STOMP 1.0. */
export function isUnescaped(command: string): boolean {
  return command === "CONNECT" || command === "CONNECTED";
}

/** A whole frame with a text body and exactly these headers. */
export function frameText(
  command: string,
  headers: readonly Header[],
  body: string,
  version: Version,
): string {
  let text = `${command}\n`;
  const plain = isUnescaped(command);
  for (const [name, value] of headers) {
    text += plain ? `${name}:${value}\n` : headerLine(name, value, version);
  }
  return `${text}\n${body}\0`;
}

/**
 * The RECEIPT frame.
 *
 * @param after the position after which a durable subscription begins
 */
export function receiptText(receipt: string, after: string | undefined, version: Version): string {
  const headers: Header[] = [["receipt-id", receipt]];
  if (after !== undefined) headers.push(["x-stream-after", after]);
  return frameText("RECEIPT", headers, "", version);
}

/** The head of all MESSAGE frames of a subscription. */
export function messageHead(subscriptionId: string, version: Version): string {
  return `MESSAGE\n${headerLine("subscription", subscriptionId, version)}`;
}

/** A header as a line of a frame, escaped. */
export function headerLine(name: string, value: string, version: Version): string {
  return `${escapeHeader(name, version)}:${escapeHeader(value, version)}\n`;
}

const codeOf: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", ":": "\\c", "\r": "\\r" };

/** A header's name or value, escaped. */
export function escapeHeader(text: string, version: Version): string {
  if (!/[\\\n:\r]/.test(text)) return text;
  return text.replaceAll(version === "1.1" ? /[\\\n:]/g : /[\\\n:\r]/g, (character) => codeOf[character]!);
}

const characterOf: Readonly<Record<string, string>> = { "\\\\": "\\", "\\n": "\n", "\\c": ":", "\\r": "\r" };

/** The text without its escapes; undefined if this version does not have one of them. */
export function unescapeHeader(text: string, version: Version): string | undefined {
  if (!text.includes("\\")) return text;
  let isValid = true;
  const unescaped = text.replaceAll(/\\.?/gs, (code) => {
    const character = version === "1.1" && code === "\\r" ? undefined : characterOf[code];
    isValid &&= character !== undefined;
    return character ?? "";
  });
  return isValid ? unescaped : undefined;
}

/** A client's text, in a form that may be repeated to it. */
export function named(word: string): string {
  return JSON.stringify(word.slice(0, 80));
}
