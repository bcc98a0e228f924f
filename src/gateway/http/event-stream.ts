import type { Server } from "bun";
import type { Client } from "../clients/client.ts";
import type { SocketEvents } from "../clients/socket-events.ts";
import type { Multicast } from "../fan-out/multicast.ts";
import { closeEvent, retryLine } from "./events-encoding.ts";
import { endedByClient, ResponseSocket } from "./response-socket.ts";

/** How long a client waits before it reconnects, in milliseconds: another time for each, so that they do not come back all at once. */
const retryMinMs = 500;
const retryMaxMs = 2500;

/** What Bun provides to write to a stream of the type "direct". */
interface Controller {
  /** Returns a promise if the client has to read first. It resolves when everything that waits was read. */
  write(what: string | Uint8Array): number | Promise<number>;
  end(): void;
}

/** The parts of a stream. */
export interface EventStreamParts {
  readonly multicast: Multicast;
  readonly events: SocketEvents;
  /** The client's position in the log, as a field of an event; empty if it is not known. */
  place(): string;
  /** Called if the stream was never opened, because the client had gone. */
  onUnopened(): void;
}

/**
 * A response of server-sent events.
 *
 * Bun keeps what is written until the client has read it, without a limit. So waiting bytes are counted here, where `Backlogs` and durable
 * subscriptions look at them as with WebSockets.
 */
export class EventStream extends ResponseSocket {
  readonly #parts: EventStreamParts;
  readonly #done = Promise.withResolvers<void>();
  #controller: Controller | undefined;
  /** How much was written since the client has to read first. In bytes. */
  #waiting = 0;

  constructor(client: Client, addressOf: () => string, parts: EventStreamParts) {
    super(client, addressOf, parts.multicast, parts.events);
    this.#parts = parts;
  }

  /** Makes the response. Call it once. */
  response(request: Request, server: Server<Client>, headers: Record<string, string>): Response {
    // The response is silent while there are no messages, so it must not time out.
    server.timeout(request, 0);
    const left = () => this.#left();
    request.signal.addEventListener("abort", left, { once: true });
    const source = {
      type: "direct",
      pull: (controller: Controller) => {
        this.#controller = controller;
        this.write(retryLine(retryMinMs, retryMaxMs));
        this.open();
        return this.#done.promise;
      },
      cancel: left,
    };
    return new Response(new ReadableStream(source as unknown as UnderlyingDefaultSource), {
      headers: {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        // Tells nginx not to buffer.
        "x-accel-buffering": "no",
        // The idle timeout is off for the whole connection, so it must not be reused.
        connection: "close",
        ...headers,
      },
    });
  }

  getBufferedAmount(): number {
    return this.#waiting;
  }

  /** A stream has no pong. A client that has read everything counts as alive. */
  ping(): void {
    if (this.#waiting > 0) return;
    this.send(this.#parts.place() || ":\n\n");
    if (this.#waiting === 0) this.events.drained(this);
  }

  protected write(what: string | Uint8Array): void {
    const wrote = this.#controller!.write(what);
    if (typeof wrote === "number") return;
    const isFirst = this.#waiting === 0;
    this.#waiting += typeof what === "string" ? Buffer.byteLength(what) : what.byteLength;
    if (isFirst) wrote.then(this.#drained, this.#failed);
    else wrote.catch(this.#failed);
  }

  readonly #drained = (): void => {
    this.#waiting = 0;
    if (this.readyState === WebSocket.OPEN) this.events.drained(this);
  };

  readonly #failed = (): void => this.ended(endedByClient);

  #left(): void {
    if (this.readyState === WebSocket.CONNECTING) this.#parts.onUnopened();
    this.ended(endedByClient);
    this.#done.resolve();
  }

  protected finish(code: number, reason: string): void {
    if (this.#waiting > 0) {
      // The client would see the end only after it has read everything else, if ever.
      this.abort();
      return;
    }
    this.write(closeEvent(code, reason, retryLine(retryMinMs, retryMaxMs)));
    this.#controller!.end();
    this.#done.resolve();
  }

  protected abort(): void {
    // This makes Bun close the connection, whatever waits for the client.
    this.#done.reject();
  }
}
