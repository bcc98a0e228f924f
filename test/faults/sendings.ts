import type { MessageKey } from "./ledger.ts";

/** How one message was sent. Times are in milliseconds, as of `performance.now()`. */
interface Sending {
  readonly by: string;
  readonly atMs: number;
  receiptAtMs: number | undefined;
}

/** By which connection, and when, each message was sent, and when its receipt came: so that one that is out of order explains itself. */
export class Sendings {
  readonly #startedAtMs = performance.now();
  readonly #sent = new Map<string, Sending[]>();

  /**
   * The client sends its next message.
   *
   * @param by the connection, and the manager that it goes to
   */
  sent(client: string, by: string): void {
    const all = this.#sent.get(client) ?? [];
    this.#sent.set(client, all);
    all.push({ by, atMs: performance.now(), receiptAtMs: undefined });
  }

  receipted({ client, number }: MessageKey): void {
    const sending = this.#sent.get(client)?.[number];
    if (sending !== undefined) sending.receiptAtMs ??= performance.now();
  }

  /** `sent by connection 3 to port 4711 at 12.345 s, receipt at 12.350 s`. */
  describe({ client, number }: MessageKey): string {
    const sending = this.#sent.get(client)?.[number];
    if (sending === undefined) return "never sent";
    const { by, atMs, receiptAtMs } = sending;
    const receipt = receiptAtMs === undefined ? "no receipt" : `receipt at ${this.#time(receiptAtMs)}`;
    return `sent by ${by} at ${this.#time(atMs)}, ${receipt}`;
  }

  #time(ms: number): string {
    return `${((ms - this.#startedAtMs) / 1000).toFixed(3)} s`;
  }
}

/** Describes a connection, and the port of its manager. */
export function wayOf(socket: WebSocket | undefined, connections: number): string {
  return `connection ${connections} to port ${socket === undefined ? "?" : new URL(socket.url).port}`;
}
