import type { Server, ServerWebSocket } from "bun";
import { StompFault } from "../../src/wire/stomp/fault.ts";
import { frameText } from "../../src/wire/stomp/frames.ts";
import { FrameParser } from "../../src/wire/stomp/parser.ts";
import { frameLimits } from "./frame-limits.ts";
import { framesIn } from "./frames-in.ts";

interface Client {
  readonly parser: FrameParser;
  isSubscribed: boolean;
}

/** The faults of a fake STOMP server. */
export interface StompFaults {
  /** Whether the receipt for the message with this number is omitted. */
  readonly forgetReceipt?: (count: number) => boolean;
  /** Where a client resumes that has seen everything before `next`. */
  readonly resumeAt?: (next: number) => number;
}

/** A minimal STOMP server with one topic, and its log in memory. */
export class FakeStomp {
  readonly #server: Server<Client>;
  readonly #faults: StompFaults;
  readonly #clients = new Set<ServerWebSocket<Client>>();
  readonly #log: string[] = [];
  /** How many clients have resumed. */
  resumed = 0;

  constructor(faults: StompFaults = {}) {
    this.#faults = faults;
    this.#server = Bun.serve<Client>({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, server) =>
        server.upgrade(request, {
          data: {
            parser: new FrameParser(frameLimits(1024 ** 2)),
            isSubscribed: false,
          },
          headers: { "sec-websocket-protocol": "v12.stomp" },
        })
          ? undefined
          : new Response(null, { status: 426 }),
      websocket: {
        open: (client) => void this.#clients.add(client),
        close: (client) => void this.#clients.delete(client),
        message: (client, bytes) => this.#read(client, Buffer.from(bytes)),
      },
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#server.port}/ws?topic=bench`;
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  #read(client: ServerWebSocket<Client>, bytes: Buffer): void {
    const { parser } = client.data;
    for (const frame of framesIn(parser, bytes)) {
      if (frame instanceof StompFault) throw frame;
      const { command, headers, body } = frame;
      if (command === "CONNECT") client.send(frameText("CONNECTED", [["version", "1.2"]], "", "1.2"));
      if (command === "SUBSCRIBE") this.#subscribe(client, headers.get("x-stream-after"));
      if (command === "SEND") this.#relay(body.toString());
      const isForgotten = command === "SEND" && this.#faults.forgetReceipt?.(this.#log.length);
      const receipt = headers.get("receipt");
      if (receipt !== undefined && !isForgotten)
        client.send(frameText("RECEIPT", [["receipt-id", receipt]], "", "1.2"));
    }
  }

  #subscribe(client: ServerWebSocket<Client>, after: string | undefined): void {
    client.data.isSubscribed = true;
    if (after === undefined) return;
    this.resumed++;
    const next = Number(after) + 1;
    for (let at = this.#faults.resumeAt?.(next) ?? next; at < this.#log.length; at++)
      this.#deliver(client, at);
  }

  #relay(body: string): void {
    this.#log.push(body);
    for (const client of this.#clients)
      if (client.data.isSubscribed) this.#deliver(client, this.#log.length - 1);
  }

  #deliver(client: ServerWebSocket<Client>, at: number): void {
    const headers = [
      ["subscription", "0"],
      ["x-stream-offset", String(at)],
    ] as const;
    client.send(frameText("MESSAGE", headers, this.#log[at]!, "1.2"));
  }
}
