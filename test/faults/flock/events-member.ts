import { Member } from "./member.ts";

/**
 * A client of server-sent events, over a socket that is cheap enough for thousands in one process. Messages are numbers from 0, and
 * each has to be the next one: `faults` has those that are not.
 */
export class EventsMember extends Member {
  #lastId: string | undefined;

  say(): void {
    throw new Error("server-sent events go one way: let a durable flock say it");
  }

  protected connect(port: number): void {
    const { topic, prefix } = this.plan;
    const place =
      this.#lastId === undefined
        ? `GET /topics/${topic}?from=first&client=${prefix}-${this.n} HTTP/1.1`
        : `GET /topics/${topic}?client=${prefix}-${this.n} HTTP/1.1\r\nLast-Event-ID: ${this.#lastId}`;
    const request = `${place}\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n\r\n`;
    const chunks = new Chunks();
    let text = "";
    let isOver = false;
    const end = (why: string) => {
      if (!isOver) this.ended(why);
      isOver = true;
    };
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => void socket.write(request),
        data: (socket, bytes) => {
          text += chunks.take(bytes.toString("latin1"));
          if (chunks.status !== undefined && chunks.status !== 200) {
            if (chunks.status !== 503) this.fault(`${chunks.status} ${text}`);
            socket.end();
            return;
          }
          if (chunks.status === 200 && !this.isOpen) this.opened();
          const events = text.split("\n\n");
          text = events.pop() ?? "";
          for (const event of events) this.#take(event);
        },
        close: () => end("closed"),
        error: () => end("error"),
      },
    }).catch(() => end("refused"));
  }

  #take(event: string): void {
    this.#lastId = /^id: ?(.*)$/m.exec(event)?.[1] ?? this.#lastId;
    const data = /^data: ?(.*)$/m.exec(event)?.[1];
    if (/^event: ?gap$/m.test(event)) this.fault("told of a gap");
    // The processor's answers are on the topic, too.
    if (data !== undefined && /^\d+$/.test(data)) this.gotNumber(data);
  }
}

/** Decodes the body of a chunked HTTP response, piece by piece. */
class Chunks {
  status: number | undefined;
  #rest = "";

  take(text: string): string {
    this.#rest += text;
    if (this.status === undefined) {
      const end = this.#rest.indexOf("\r\n\r\n");
      if (end < 0) return "";
      this.status = Number(this.#rest.slice(9, 12));
      this.#rest = this.#rest.slice(end + 4);
    }
    let body = "";
    for (;;) {
      const line = this.#rest.indexOf("\r\n");
      if (line < 0) return body;
      const from = line + 2;
      const to = from + Number.parseInt(this.#rest.slice(0, line), 16);
      // With the line end that follows it.
      if (this.#rest.length < to + 2) return body;
      body += this.#rest.slice(from, to);
      this.#rest = this.#rest.slice(to + 2);
    }
  }
}
