import type { ClientSocket } from "../../src/gateway/clients/client.ts";
import { MessageClient } from "../../src/gateway/clients/message-client.ts";
import { Subscriptions } from "../../src/gateway/clients/subscriptions.ts";
import type { Encoding } from "../../src/gateway/fan-out/encoding.ts";
import type { Protocol, Surroundings } from "../../src/gateway/protocol.ts";
import { startAfter } from "../../src/log/position.ts";
import type { Message } from "../../src/message.ts";

/** `message a.b hello`, before it in the log `at 17 message …`, and `gap …` where some are missing before it. */
const echo: Encoding = {
  name: "echo",
  tellsId: false,
  headOf: () => "",
  headAfterGap: () => "gap ",
  tailOf: ({ body, topic }, _, { position }) =>
    `${position === undefined ? "" : `at ${position} `}message ${topic} ${body}`,
  join: (head, tail) => `${head}${tail}`,
};

/** A protocol as small as one may be: `on TOPIC`, `after POSITION TOPIC` and `say TOPIC BODY`, of which the first two are answered. */
export class EchoProtocol implements Protocol {
  readonly subprotocols = ["echo"];
  readonly lateEntry = undefined;
  readonly metrics = [];
  readonly takesTokenLater = () => false;
  readonly admit: Protocol["admit"];

  constructor(surroundings: Surroundings) {
    this.admit = ({ id, grant, seat }) =>
      new EchoClient(id ?? crypto.randomUUID(), seat, grant!, surroundings);
  }
}

class EchoClient extends MessageClient {
  readonly protocol = "echo";
  readonly #subscriptions = new Subscriptions(this.surroundings);

  protected obey(socket: ClientSocket, input: string | Buffer): void {
    const { permissions } = this.grant;
    const [verb, first = "", ...rest] = String(input).split(" ");
    const topic = verb === "after" ? rest[0]! : first;
    if (verb === "say") {
      this.hasPublished = true;
      this.publishFor({ body: rest.join(" "), topic, clientId: this.id }, permissions, input.length);
    } else if (!permissions.maySubscribe(topic)) this.forbid("subscribe", "not allowed");
    else if (verb === "on") {
      this.#subscriptions.addLive(socket, topic, echo, topic);
      socket.send("ok");
    } else {
      const place = { pattern: topic, start: startAfter(first) ?? ("next" as const) };
      const onInForce = (after?: string) => void socket.send(`ok ${after}`);
      this.#subscriptions.addDurable({
        ...place,
        socket,
        clientId: this.id!,
        subscriptionId: topic,
        encoding: echo,
        onInForce,
      });
    }
  }

  direct(socket: ClientSocket, message: Message): void {
    this.send(socket, echo.tailOf(message, message.id, { isForOne: true }));
  }

  topics = () => this.#subscriptions.patterns();
  override fallBehind = () => this.#subscriptions.fallBehind();
  override drained = () => this.#subscriptions.drained();

  override closed(): void {
    super.closed();
    this.#subscriptions.clear();
  }
}
