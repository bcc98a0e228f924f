import type { Server } from "bun";
import type { Client } from "../clients/client.ts";
import type { SocketEvents } from "../clients/socket-events.ts";
import type { Multicast } from "../fan-out/multicast.ts";
import { endedByClient, ResponseSocket } from "./response-socket.ts";
import type { Settling } from "./settling.ts";

/** A poll that has yet to get what the log has already waits for this time at least, whatever it asked for. In milliseconds. */
const readingMs = 5000;
/** How often such a poll looks whether it has got that, in milliseconds. */
const lookEachMs = 20;

/** The parts of a poll. */
export interface PollParts {
  readonly multicast: Multicast;
  readonly events: SocketEvents;
  /** Ends polls at the end of a turn of the event loop, or some turns later if very many end together. */
  readonly ends: Pick<Settling, "add">;
  /** How long to wait for the first message, in milliseconds. */
  readonly waitMs: number;
  /** The position after which the client goes on, if it is known. */
  place(): string | undefined;
  /** Whether the client has yet to get what the log has already. */
  isReading(): boolean;
}

/** How a poll ended: with messages, without any up to a position in the log, or because the manager ended it. */
export type Outcome =
  | { readonly is: "lines"; readonly text: string }
  | { readonly is: "nothing"; readonly place: string | undefined }
  | { readonly is: "ended"; readonly code: number; readonly reason: string };

/**
 * A request that waits for messages. It is answered with the first ones, and with those that come before it is its turn. What
 * was gathered counts as waiting for the client, so durable subscriptions park as with any other client.
 */
export class Poll extends ResponseSocket {
  readonly #outcome = Promise.withResolvers<Outcome>();
  readonly #parts: PollParts;
  #text = "";
  /** The text's size when it is sent. */
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isEnding = false;

  constructor(client: Client, addressOf: () => string, parts: PollParts) {
    super(client, addressOf, parts.multicast, parts.events);
    this.#parts = parts;
  }

  /** Resolves when the request should be answered. Call it once. */
  async answer(request: Request, server: Server<Client>, idleTimeoutS: number): Promise<Outcome> {
    server.timeout(request, 0);
    request.signal.addEventListener("abort", () => this.#left(), { once: true });
    const leastMs = performance.now() + readingMs;
    this.#timer = setTimeout(() => this.#waited(leastMs), this.#parts.waitMs);
    this.open();
    const outcome = await this.#outcome.promise;
    // The connection may now serve other requests.
    server.timeout(request, idleTimeoutS);
    return outcome;
  }

  getBufferedAmount(): number {
    return this.#bytes;
  }

  ping(): void {
    this.events.drained(this);
  }

  protected write(what: string | Uint8Array): void {
    if (typeof what === "string") {
      this.#text += what;
      this.#bytes += Buffer.byteLength(what);
    } else {
      this.#text += Buffer.from(what.buffer, what.byteOffset, what.byteLength).toString();
      this.#bytes += what.byteLength;
    }
    this.#endSoon();
  }

  /** The time to wait for new messages is over. "Nothing came" would be wrong while there are old ones that have yet to be read. */
  #waited(leastMs: number): void {
    if (this.#parts.isReading() && performance.now() < leastMs)
      this.#timer = setTimeout(() => this.#waited(leastMs), lookEachMs);
    else this.#endSoon();
  }

  #endSoon(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#parts.ends.add(() => this.close());
  }

  protected finish(code: number, reason: string): void {
    if (this.#text !== "") this.#settle({ is: "lines", text: this.#text });
    else if (code !== endedByClient) this.#settle({ is: "ended", code, reason });
    else this.#settle({ is: "nothing", place: this.#parts.place() });
  }

  protected abort(): void {
    this.#settle({ is: "nothing", place: undefined });
  }

  #left(): void {
    this.ended(endedByClient);
    this.abort();
  }

  #settle(outcome: Outcome): void {
    clearTimeout(this.#timer);
    this.#outcome.resolve(outcome);
  }
}
