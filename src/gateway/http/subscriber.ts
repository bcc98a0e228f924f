import type { Start } from "../../log/position.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Encoding } from "../fan-out/encoding.ts";
import type { Newcomer, Surroundings } from "../protocol/protocol.ts";
import { SubscribingClient } from "../protocol/subscribing-client.ts";

/** The request of a client without WebSocket. */
export interface Wish {
  /** How it gets messages. */
  readonly protocol: "sse" | "poll";
  /** A topic, or a pattern. */
  readonly pattern: string;
  readonly start: Start;
  readonly encoding: Encoding;
}

/**
 * A client without WebSocket that only subscribes, to one topic or pattern. If there is a log, its subscription is durable: each message
 * has its position, and the client may read as slowly as it likes.
 */
export class Subscriber extends SubscribingClient {
  readonly #wish: Wish;
  readonly #onSubscribed: (after: string | undefined) => void;

  /** @param onSubscribed called once, when its place in the log is known, with the position after which it begins, if there is one */
  constructor(
    newcomer: Pick<Newcomer, "id" | "seat" | "grant">,
    wish: Wish,
    surroundings: Surroundings,
    onSubscribed: (after: string | undefined) => void = () => undefined,
  ) {
    super(newcomer, surroundings);
    this.#wish = wish;
    this.#onSubscribed = onSubscribed;
  }

  get protocol(): string {
    return this.#wish.protocol;
  }

  protected get encoding(): Encoding {
    return this.#wish.encoding;
  }

  /** The position after which it goes on; undefined if it has not got everything yet, or if there is no log. */
  get place(): string | undefined {
    return this.subscriptions.placeOf(this.#wish.pattern);
  }

  /** Whether it has yet to get what the log has already. */
  get isReading(): boolean {
    return this.subscriptions.isReading(this.#wish.pattern);
  }

  override opened(socket: ClientSocket): void {
    super.opened(socket);
    const { pattern, start } = this.#wish;
    const hasLog = this.surroundings.durables !== undefined;
    this.subscribe(pattern, hasLog ? start : undefined, this.#onSubscribed);
  }

  protected obey(): void {
    // The client sends nothing.
  }
}
