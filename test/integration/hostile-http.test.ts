import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "../support/client.ts";
import { sendRaw } from "../support/raw-http.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";

setDefaultTimeout(integrationTimeoutMs);

/** One system for all: what one request does to it, the next one would notice. */
const system = startSystem([], () => undefined);
afterAll(() => system[Symbol.asyncDispose]());
const host = `Host: ${system.url.host}\r\n`;

/** A handshake, with headers replaced or (by null) left out. */
function handshake(replaced: Record<string, string | null> = {}, line = "GET /ws HTTP/1.1"): string {
  const headers = {
    Host: system.url.host,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...replaced,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== null);
  return `${line}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

const get = (headers: string, target = "/healthz") => `GET ${target} HTTP/1.1\r\n${host}${headers}\r\n`;
const post = (headers: string, body = "") => `POST /x HTTP/1.1\r\n${host}${headers}\r\n${body}`;

/** The statuses that may come; none is an end without an answer. */
const requests: Record<string, Record<string, [status: number | undefined, request: string]>> = {
  "a bad upgrade": {
    "no Host": [400, handshake({ Host: null })],
    "two Hosts": [400, handshake({ Host: `${system.url.host}\r\nHost: evil.example` })],
    "a Host with a path": [400, handshake({ Host: "a/b" })],
    "a Host with a user": [400, handshake({ Host: "user@host" })],
    "a Host with a space": [400, handshake({ Host: "a b" })],
    "a Host that is markup": [400, handshake({ Host: "<script>" })],
    "a Host of half an address": [400, handshake({ Host: "[::1" })],
    "a Host whose port is a word": [400, handshake({ Host: "a:b" })],
    "a Host that is not ASCII": [400, handshake({ Host: "\xff" })],
    "a Host with an encoded NUL": [400, handshake({ Host: "%00" })],
    "an empty Host": [400, handshake({ Host: "" })],
    "no Upgrade": [426, handshake({ Upgrade: null })],
    "another Upgrade": [426, handshake({ Upgrade: "h2c" })],
    "no Connection": [400, handshake({ Connection: null })],
    "a Connection that does not say Upgrade": [400, handshake({ Connection: "keep-alive" })],
    "no key": [400, handshake({ "Sec-WebSocket-Key": null })],
    "an empty key": [400, handshake({ "Sec-WebSocket-Key": "" })],
    "a short key": [400, handshake({ "Sec-WebSocket-Key": "dGhl" })],
    "a long key": [400, handshake({ "Sec-WebSocket-Key": "A".repeat(100) })],
    "a key that is not base64": [400, handshake({ "Sec-WebSocket-Key": "!".repeat(24) })],
    "no version": [426, handshake({ "Sec-WebSocket-Version": null })],
    "an old version": [426, handshake({ "Sec-WebSocket-Version": "8" })],
    "a version from the future": [426, handshake({ "Sec-WebSocket-Version": "14" })],
    "a POST": [405, handshake({}, "POST /ws HTTP/1.1")],
    "a HEAD": [400, handshake({}, "HEAD /ws HTTP/1.1")],
    "HTTP/2": [505, handshake({}, "GET /ws HTTP/2.0")],
    "HTTP/0.9": [505, "GET /ws\r\n\r\n"],
    "an empty subprotocol": [400, handshake({ "Sec-WebSocket-Protocol": "" })],
    "four thousand subprotocols": [400, handshake({ "Sec-WebSocket-Protocol": "a,".repeat(4000) })],
    "an empty Origin": [403, handshake({ Origin: "" })],
    "two Origins": [403, handshake({ Origin: `${system.url.origin}\r\nOrigin: http://evil.example` })],
    "an Origin that is not ASCII": [403, handshake({ Origin: "http://\xff" })],
    "a topic with a line end": [400, handshake({}, "GET /ws?topic=%0d%0aX HTTP/1.1")],
    "a topic of ten thousand bytes": [400, handshake({}, `GET /ws?topic=${"a".repeat(10_000)} HTTP/1.1`)],
    "a client id with an encoded NUL": [400, handshake({}, "GET /ws/%00 HTTP/1.1")],
  },
  "a smuggled request": {
    "two lengths that differ": [400, post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")],
    "a list of lengths": [400, post("Content-Length: 5, 5\r\n", "hello")],
    "a negative length": [400, post("Content-Length: -1\r\n")],
    "a length with a plus": [400, post("Content-Length: +5\r\n", "hello")],
    "a hexadecimal length": [400, post("Content-Length: 0x5\r\n", "hello")],
    "a length beyond 64 bits": [400, post(`Content-Length: ${"9".repeat(24)}\r\n`)],
    "a length of a terabyte": [413, post("Content-Length: 1099511627776\r\n", "hello")],
    "an empty length": [400, post("Content-Length:\r\n")],
    "a space before the colon": [400, post("Content-Length : 5\r\n", "hello")],
    "a length and chunks": [400, post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
    "chunks and a length": [400, post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")],
    "an unknown transfer encoding": [400, post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")],
    "an encoding behind chunked": [400, post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n")],
    "two transfer encodings": [
      400,
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
    ],
    "a vertical tab before chunked": [400, post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n")],
    "an obs-fold": [400, get("X-A: one\r\n two\r\n")],
    "an obs-fold with a tab": [400, get("X-A: one\r\n\ttwo\r\n")],
    "an obs-fold before the first header": [400, `GET /healthz HTTP/1.1\r\n ${host}\r\n`],
    "a bare LF in a header": [400, get("X-A: one\nX-B: two\r\n")],
    "a bare CR in a header": [400, get("X-A: one\rX-B: two\r\n")],
    "bare LFs all over": [505, "GET /healthz HTTP/1.1\nHost: a\n\n"],
    "a NUL in a value": [400, get("X-A: a\0b\r\n")],
    "a NUL in a name": [400, get("X\0A: a\r\n")],
    "a control character in a value": [400, get("X-A: \x01\r\n")],
    "a space in a name": [400, get("X A: a\r\n")],
    "a name that is not ASCII": [400, get("X\xff: a\r\n")],
    "an empty name": [400, get(": a\r\n")],
    "a line without a colon": [400, get("nonsense\r\n")],
  },
  "too much": {
    "a header of 17 KiB": [431, get(`X-A: ${"a".repeat(17 * 1024)}\r\n`)],
    "a header of 1 MiB": [431, get(`X-A: ${"a".repeat(1024 ** 2)}\r\n`)],
    "a header of 1 MiB that does not end": [431, get(`X-A: ${"a".repeat(1024 ** 2)}`).slice(0, -2)],
    "a thousand headers": [431, get("X-A: a\r\n".repeat(1000))],
    "a URL of 100 KiB": [431, get("", `/${"a".repeat(100 * 1024)}`)],
  },
  "a strange target": {
    "a traversal": [404, get("", "/../../etc/passwd")],
    "an encoded traversal": [404, get("", "/%2e%2e/%2e%2e/etc/passwd")],
    "encoded slashes": [404, get("", "/..%2f..%2fetc%2fpasswd")],
    backslashes: [404, get("", "/..\\..\\etc\\passwd")],
    "an encoded NUL": [404, get("", "/%00")],
    "a NUL": [505, get("", "/\0")],
    "half an escape": [404, get("", "/%zz")],
    "a space": [505, get("", "/a b")],
    "two slashes": [404, handshake({}, "GET //ws HTTP/1.1")],
    "a fragment": [404, handshake({}, "GET /ws#x HTTP/1.1")],
    "no slash": [400, get("", "healthz")],
    nothing: [400, get("", "")],
    "an asterisk": [400, `OPTIONS * HTTP/1.1\r\n${host}\r\n`],
    "a tunnel": [404, `CONNECT evil.example:443 HTTP/1.1\r\n${host}\r\n`],
  },
  "what is not HTTP/1.1": {
    "an unknown method": [undefined, `FOO / HTTP/1.1\r\n${host}\r\n`],
    "a method of 5,000 letters": [undefined, `${"A".repeat(5000)} / HTTP/1.1\r\n${host}\r\n`],
    "the beginning of HTTP/2": [400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    "the beginning of TLS": [400, `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${"\x07".repeat(500)}`],
    "line ends": [400, "\r\n\r\n\r\n"],
    "every byte there is": [400, String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte))],
  },
};

/** Whether the process serves a client from its handshake to its message. */
async function expectService(): Promise<void> {
  await using anna = await connect(system.wsUrl("/ws"));
  await using ben = await connect(system.wsUrl("/ws"));
  anna.send("still here");
  expect(await ben.next()).toBe("still here");
  // Names and origins that are refused are told to whoever runs it. Nothing else is.
  expect(system.logger.complaints.filter((complaint) => !complaint.endsWith("was refused"))).toEqual([]);
}

for (const [kind, ofKind] of Object.entries(requests)) {
  describe(kind, () => {
    for (const [what, [status, request]] of Object.entries(ofKind)) {
      test(`${what} is ${status === undefined ? "hung up on" : `answered with ${status}`}, and serving goes on`, async () => {
        const { statuses } = await sendRaw(system.url, request);
        expect(statuses).toEqual(status === undefined ? [] : [status]);
        await expectService();
      });
    }
  });
}

describe("a body in chunks", () => {
  const bodies: Record<string, string> = {
    "a chunk size that is no number": "ZZ\r\n\r\n",
    "a chunk size beyond 64 bits": "ffffffffffffffff1\r\nx\r\n",
    "a negative chunk size": "-1\r\nx\r\n",
    "bare LFs": "1\nx\n0\n\n",
    "a chunk extension of 100 KB": `1;${"a".repeat(100_000)}\r\nx\r\n0\r\n\r\n`,
  };
  for (const [what, body] of Object.entries(bodies)) {
    test(`with ${what} ends the connection, and what is behind it is no request`, async () => {
      const smuggled = get("");
      const { statuses, hasEnded } = await sendRaw(
        system.url,
        post("Transfer-Encoding: chunked\r\n", body + smuggled),
        3,
      );
      expect(hasEnded).toBe(true);
      // The head is answered before the body is read.
      expect(statuses[0]).toBe(404);
      expect(statuses).not.toContain(200);
      await expectService();
    });
  }
});

describe("what is let pass because it harms nobody", () => {
  // Bun gives no way to tell; RFC 6455 (4.2.1) asks for HTTP/1.1 or higher.
  test("a handshake in HTTP/1.0", async () => {
    expect((await sendRaw(system.url, handshake({}, "GET /ws HTTP/1.0"))).statuses).toEqual([101]);
  });

  test("an absolute URI: its host is not looked at, the Host header is", async () => {
    const request = handshake({ Origin: "http://evil.example" }, "GET http://evil.example/ws HTTP/1.1");
    expect((await sendRaw(system.url, request)).statuses).toEqual([403]);
    expect((await sendRaw(system.url, get("", "http://evil.example/healthz"))).statuses).toEqual([200]);
  });

  test("a request behind a handshake is no request, but frames", async () => {
    const { text, hasEnded } = await sendRaw(system.url, handshake() + get(""), 2);
    expect(hasEnded).toBe(true);
    expect(text).not.toContain("alive");
  });

  test("ten pipelined requests are answered in order", async () => {
    const { statuses } = await sendRaw(system.url, get("").repeat(9) + get("", "/nothing"), 10);
    expect(statuses).toEqual([...Array(9).fill(200), 404]);
  });
});

describe("ten thousand requests in one piece", () => {
  const targets = [
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /nothing",
    "GET /ws",
    "GET /ws/a",
    "GET /",
    "GET /topics/a?wait=1ms",
    "GET /topics/a?wait=never",
    "POST /topics/%23",
    "POST /app/",
    "DELETE /topics/a",
    "OPTIONS /topics/a",
  ];
  test.each(targets)("%s is not answered before everybody else: that connection is ended", async (target) => {
    const request = `${target} HTTP/1.1\r\n${host}\r\n`;
    const { statuses, hasEnded } = await sendRaw(system.url, request.repeat(10_000), 10_000);
    expect(hasEnded).toBe(true);
    expect(statuses.length).toBeLessThan(5000);
    await expectService();
  });
});

describe("a client that is slow on purpose", () => {
  /** Sends the beginning and then a byte a second, until the server ends the connection. */
  async function dripUntilEnd(beginning: string): Promise<void> {
    const ended = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: system.url.hostname,
      port: Number(system.url.port),
      socket: { data: () => undefined, close: () => ended.resolve(), error: () => ended.resolve() },
    });
    socket.write(beginning);
    const dripping = setInterval(() => void socket.write("a"), 1000);
    try {
      await ended.promise;
    } finally {
      clearInterval(dripping);
      socket.terminate();
    }
  }

  test("is cut off, be it within the first line, the headers or the body", async () => {
    await Promise.all([
      dripUntilEnd("G"),
      dripUntilEnd(`GET /ws HTTP/1.1\r\n${host}X-A: `),
      dripUntilEnd(post("Content-Length: 100000\r\n")),
    ]);
    await expectService();
  });
});
