import { createHash } from "node:crypto";

/** An answer whose head is longer is none. */
const headBytesMax = 16 * 1024;

/** The GUID of RFC 6455, section 1.3. */
const acceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The request that opens a connection, and the check of what answers it. */
export class Handshake {
  readonly request: Uint8Array;
  readonly #accept: string;

  /** @param subprotocol what is spoken inside the messages; none for plain text */
  constructor(url: URL, subprotocol?: string) {
    // One key for all connections of a run: it only guards against servers and caches that do not know what they answer to.
    const key = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64");
    this.#accept = createHash("sha1")
      .update(key + acceptGuid)
      .digest("base64");
    this.request = Buffer.from(
      [
        `GET ${url.pathname}${url.search} HTTP/1.1`,
        `Host: ${url.host}`,
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Key: ${key}`,
        "Sec-WebSocket-Version: 13",
        ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
        "\r\n",
      ].join("\r\n"),
    );
  }

  /**
   * Where the frames begin after the answer's head; undefined if the head has not all arrived.
   * Throws an `Error` that names the HTTP status if the answer is not a WebSocket.
   */
  framesBegin(answer: Buffer): number | undefined {
    const end = answer.indexOf("\r\n\r\n");
    if (end < 0) {
      if (answer.length > headBytesMax) throw new Error("the answer is not HTTP");
      return undefined;
    }
    const [statusLine = "", ...headers] = answer.toString("latin1", 0, end).split("\r\n");
    const [, status, phrase] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(statusLine) ?? [];
    if (status === undefined) throw new Error("the answer is not HTTP/1.1");
    if (status !== "101")
      throw new Error(`HTTP ${status}${phrase ? ` ${phrase}` : ""} instead of a WebSocket`);
    const accept = headers.find((header) => /^sec-websocket-accept:/i.test(header));
    if (accept?.slice(accept.indexOf(":") + 1).trim() !== this.#accept) {
      throw new Error("the answer has no matching Sec-WebSocket-Accept");
    }
    return end + 4;
  }
}
