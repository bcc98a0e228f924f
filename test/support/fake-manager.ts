import type { Server, ServerWebSocket } from "bun";

interface Client {
  readonly number: number;
}

/** The faults of a fake manager. Clients are numbered in the order of their connects; the bench's publishers are the first. */
export interface Faults {
  /** Replaces a text that is sent to a client. */
  readonly deliver?: (client: number, text: string) => readonly string[];
  /** Called before a message is relayed. */
  readonly onMessage?: (clients: readonly ServerWebSocket<Client>[], text: string) => void;
  /** The answer to a request instead of a WebSocket. */
  readonly refuse?: (client: number) => Response | undefined;
}

/** A minimal gateway, which relays each text to the other clients. It may answer like a processor, too. */
export class FakeManager {
  readonly #server: Server<Client>;
  readonly #faults: Faults;
  readonly #clients: ServerWebSocket<Client>[] = [];
  pongs = 0;
  #requests = 0;

  constructor(hasProcessor: boolean, faults: Faults = {}) {
    this.#faults = faults;
    this.#server = Bun.serve<Client>({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, server) => {
        const number = this.#requests++;
        const refusal = faults.refuse?.(number);
        if (refusal !== undefined) return refusal;
        return server.upgrade(request, { data: { number } })
          ? undefined
          : new Response(null, { status: 426 });
      },
      websocket: {
        open: (client) => {
          this.#clients.push(client);
          client.ping("are you there?");
        },
        pong: (_client, payload) => {
          if (payload.toString() === "are you there?") this.pongs++;
        },
        message: (sender, message) => {
          const text = String(message);
          faults.onMessage?.(this.#clients, text);
          for (const client of this.#clients) if (client !== sender) this.#deliver(client, text);
          if (!hasProcessor) return;
          for (const client of this.#clients) this.#deliver(client, `processed message: ${text}`);
        },
      },
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#server.port}/ws`;
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  #deliver(client: ServerWebSocket<Client>, text: string): void {
    const texts = this.#faults.deliver?.(client.data.number, text) ?? [text];
    for (const each of texts) client.send(each);
  }
}
