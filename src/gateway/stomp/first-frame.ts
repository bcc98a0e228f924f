/** How much of a message is examined: enough for a CONNECT, the end of its line, and the name of its first header. */
const lookedAtChars = 300;

/**
 * Whether the first message of a client without a subprotocol begins with a STOMP CONNECT, as with RabbitMQ's Web STOMP plugin: libraries
 * that get a bare `new WebSocket(url)` cannot ask for a subprotocol. Line ends before it are heart-beats. A text that just has the word on
 * its first line does not count: a header has to follow, or the end of the headers.
 */
export function beginsStomp(body: string | Buffer): boolean {
  const at = afterLineEnds(body);
  const beginning =
    typeof body === "string"
      ? body.slice(at, at + lookedAtChars)
      : body.toString("latin1", at, at + lookedAtChars);
  return /^(?:CONNECT|STOMP)\r?\n(?:[^\r\n:]+:|\r?\n\0)/.test(beginning);
}

function afterLineEnds(body: string | Buffer): number {
  const codeAt = typeof body === "string" ? (at: number) => body.charCodeAt(at) : (at: number) => body[at];
  let at = 0;
  while (codeAt(at) === 10 || (codeAt(at) === 13 && codeAt(at + 1) === 10)) at += codeAt(at) === 10 ? 1 : 2;
  return at;
}
