/** One server-sent event. */
export interface StreamEvent {
  /** `begin`: the client is subscribed, and the position is where it begins. */
  readonly event: string;
  /** The position in the log, which stays until the next one comes. Empty if there is none. */
  readonly id: string;
  /** The lines of its data. */
  readonly data: string;
}

/** Understands what a manager sends: events of lines that end in LF. A browser's own reader of them sets no headers, and connects again by itself. */
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
