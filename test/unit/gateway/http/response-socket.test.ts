import { expect, test } from "bun:test";
import type { Client } from "../../../../src/gateway/clients/client.ts";
import { Multicast } from "../../../../src/gateway/fan-out/multicast.ts";
import { ResponseSocket } from "../../../../src/gateway/http/response-socket.ts";

/** A response that keeps each piece that is written to it. */
class KeptResponse extends ResponseSocket {
  readonly written: string[] = [];

  constructor() {
    const events = { opened: () => undefined, closed: () => undefined };
    super({} as Client, () => "127.0.0.1", new Multicast(), events as never);
    this.open();
  }

  protected write(what: string | Uint8Array): void {
    this.written.push(String(what));
  }

  protected finish(code: number): void {
    this.written.push(`end ${code}`);
  }

  protected abort(): void {
    this.written.push("aborted");
  }

  getBufferedAmount(): number {
    return 0;
  }

  ping(): void {
    this.written.push("ping");
  }
}

test("what is sent while a response is corked is written as one, and within another cork at the end of that one, in order", () => {
  const response = new KeptResponse();
  response.cork(() => {
    response.send("a");
    response.send("b");
    response.cork(() => {
      response.send("c");
      response.send("d");
    });
    expect(response.written).toEqual(["ab", "cd"]);
    response.send("e");
  });
  response.send("f");
  expect(response.written).toEqual(["ab", "cd", "e", "f"]);
});

test("what was sent before a response is closed is written before its end, corked or not", () => {
  const response = new KeptResponse();
  response.cork(() => {
    response.send("a");
    response.close(1001, "the manager is stopping");
    response.send("too late");
  });
  expect(response.written).toEqual(["a", "end 1001"]);
});

test("a failure of what sends leaves a response that can be written to", () => {
  const response = new KeptResponse();
  expect(() =>
    response.cork(() => {
      throw new Error("a fault");
    }),
  ).toThrow("a fault");
  response.send("a");
  expect(response.written).toEqual(["a"]);
});
