/** One server-sent event. */
export interface StreamEvent {
  /** `begin`: the client is subscribed, and the position is where it begins. */
  readonly event: string;
  /** The last position in the log, which counts until the next one comes. Empty if there is none. */
  readonly id: string;
  /** The lines of its data. */
  readonly data: string;
}

/** Parses a manager's server-sent events, whose lines end in LF. A browser's `EventSource` sets no headers, and reconnects by itself. */
export class EventReader {
  readonly #heard: (event: StreamEvent) => void;
  #rest = "";
  #id = "";
  #hasBegun = false;

  constructor(heard: (event: StreamEvent) => void) {
    this.#heard = heard;
  }

  push(text: string): void {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop()!;
    for (const block of blocks) this.#block(block.split("\n"));
  }

  #block(lines: readonly string[]): void {
    let event = "message";
    const data: string[] = [];
    let isRetry = false;
    for (const line of lines) {
      if (line.startsWith("id: ")) this.#id = line.slice(4);
      else if (line.startsWith("event: ")) event = line.slice(7);
      else if (line.startsWith("data: ")) data.push(line.slice(6));
      else if (line.startsWith("retry: ")) isRetry = true;
    }
    if (data.length > 0) this.#heard({ event, id: this.#id, data: data.join("\n") });
    else if (!isRetry && !this.#hasBegun) {
      this.#hasBegun = true;
      this.#heard({ event: "begin", id: this.#id, data: "" });
    }
  }
}
