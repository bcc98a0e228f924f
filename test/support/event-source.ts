export interface ReceivedEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Server-sent events as a browser understands them (HTML, section 9.2.6), written from the specification. */
export class EventParser {
  readonly events: ReceivedEvent[] = [];
  /** The time to wait that came last, in milliseconds. */
  retryMs: number | undefined;
  lastId = "";
  comments = 0;
  #rest = "";
  #id = "";
  #type = "";
  #data = "";

  push(text: string): void {
    this.#rest += text;
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.#rest);
      if (end === null) return;
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      this.#line(line);
    }
  }

  #line(line: string): void {
    if (line === "") {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) {
      this.comments++;
      return;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#type = value;
    else if (field === "data") this.#data += `${value}\n`;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  #dispatch(): void {
    this.lastId = this.#id;
    const data = this.#data;
    const event = this.#type || "message";
    this.#data = this.#type = "";
    if (data !== "") this.events.push({ id: this.lastId, event, data: data.slice(0, -1) });
  }
}

export function eventsIn(text: string): ReceivedEvent[] {
  const parser = new EventParser();
  parser.push(text);
  return parser.events;
}

/** A connection with server-sent events. It is closed when it is disposed. */
export class EventConnection extends EventParser implements AsyncDisposable {
  readonly response: Response;
  /** The raw text. */
  text = "";
  /** Resolves when the server has ended it: whether the response is complete. */
  readonly ended: Promise<"whole" | "cut">;
  readonly #abort: AbortController;

  /** @throws if the answer is not 200 */
  static async open(url: URL | string, headers: Record<string, string> = {}): Promise<EventConnection> {
    const abort = new AbortController();
    const response = await fetch(url, {
      headers: { accept: "text/event-stream", ...headers },
      signal: abort.signal,
    });
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
    return new EventConnection(response, abort);
  }

  private constructor(response: Response, abort: AbortController) {
    super();
    this.response = response;
    this.#abort = abort;
    this.ended = this.#read();
  }

  get bodies(): string[] {
    return this.events.filter(({ event }) => event === "message").map(({ data }) => data);
  }

  close(): void {
    this.#abort.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.ended;
  }

  async #read(): Promise<"whole" | "cut"> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.response.body!) {
        const text = decoder.decode(chunk as Uint8Array, { stream: true });
        this.text += text;
        this.push(text);
      }
      return "whole";
    } catch {
      return "cut";
    }
  }
}
