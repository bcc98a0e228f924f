import type { Script } from "./fake-amqp.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Something that a broker was asked to do to an exchange or a queue. */
export interface Done {
  readonly method: string;
  readonly name: string;
}

/**
 * What exists in a scripted broker: all that it is asked for, but for what `remove` names. As RabbitMQ does, it closes a channel that asks
 * for what is missing.
 */
export class FakeTopology {
  /** What was done, without what was merely asked for. */
  readonly done: Done[] = [];
  readonly #missing = new Set<string>();
  /** The exchanges that go with their last binding. */
  readonly #autoDelete = new Set<string>();
  /** By such an exchange: the queue or exchange that it is bound to. */
  readonly #boundTo = new Map<string, string>();
  readonly #then: Script;

  /** @param andThen is asked about what is not refused */
  constructor(andThen: Script = () => undefined) {
    this.#then = andThen;
  }

  remove(kind: "queue" | "exchange", name: string): void {
    this.#missing.add(`${kind} ${name}`);
  }

  /** Somebody deletes a queue or an exchange and declares it again, before anybody asks for it. */
  replace(name: string): void {
    for (const [exchange, boundTo] of this.#boundTo) if (boundTo === name) this.remove("exchange", exchange);
  }

  readonly script: Script = (method, peer, channel, fields) => {
    const of = /^(Exchange|Queue)(\w+)$/.exec(method);
    if (of !== null) {
      const kind = of[1] === "Queue" ? "queue" : "exchange";
      const name = nameIn(method, fields);
      if (fields["passive"] === true) {
        if (!this.#missing.has(`${kind} ${name}`)) return this.#then(method, peer, channel, fields);
      } else {
        if (of[2] === "Declare") this.#missing.delete(`${kind} ${name}`);
        if (!this.#missing.has(`${kind} ${name}`)) {
          this.done.push({ method, name });
          if (fields["autoDelete"] === true) this.#autoDelete.add(name);
          const source = String(method === "ExchangeBind" ? fields["source"] : fields["exchange"]);
          if (of[2] === "Bind" && this.#autoDelete.has(source)) this.#boundTo.set(source, name);
          return this.#then(method, peer, channel, fields);
        }
      }
      const replyText = `NOT_FOUND - no ${kind} '${name}' in vhost '/'`;
      peer.send("ChannelClose", { replyCode: 404, replyText, classId: 50, methodId: 10 }, channel);
      return "answered";
    }
    if (method === "BasicPublish")
      this.done.push({ method, name: `${String(fields["exchange"])} ${String(fields["routingKey"])}` });
    return this.#then(method, peer, channel, fields);
  };
}

function nameIn(method: string, { queue, destination, exchange }: Fields): string {
  return String(method.startsWith("Queue") ? queue : (destination ?? exchange));
}
