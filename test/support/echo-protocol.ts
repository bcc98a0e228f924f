import type { Share } from "../../src/envelope/share.ts";
import type { Grant } from "../../src/gateway/auth/grant.ts";
import type { Client, ClientSocket } from "../../src/gateway/clients/client.ts";
import type { DurableSubscription } from "../../src/gateway/durable/subscription.ts";
import type { Audience } from "../../src/gateway/fan-out/audiences.ts";
import type { Encoding } from "../../src/gateway/fan-out/encoding.ts";
import type { Sender } from "../../src/gateway/fan-out/ingress.ts";
import type { Seat } from "../../src/gateway/limits/seat.ts";
import type { Newcomer, Protocol, Surroundings } from "../../src/gateway/protocol.ts";
import { type Start, startAfter } from "../../src/log/position.ts";
import type { Message } from "../../src/message.ts";
import { closeCodes } from "../../src/wire/close-codes.ts";

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
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  admit({ id, grant, seat }: Newcomer): Client {
    return new EchoClient(id ?? crypto.randomUUID(), grant!, seat, this.#surroundings);
  }
}

class EchoClient implements Client, Sender {
  readonly protocol = "echo";
  readonly keptBytes = 0;
  readonly speaker = undefined;
  share: Share | undefined;
  hasPublished = false;
  socket: ClientSocket | undefined;
  readonly #live: Audience[] = [];
  readonly #durable: DurableSubscription[] = [];

  readonly id: string;
  readonly seat: Seat;
  readonly grant: Grant;
  readonly surroundings: Surroundings;

  constructor(id: string, grant: Grant, seat: Seat, surroundings: Surroundings) {
    this.id = id;
    this.grant = grant;
    this.seat = seat;
    this.surroundings = surroundings;
  }

  opened(socket: ClientSocket): void {
    this.socket = socket;
  }

  message(socket: ClientSocket, body: string | Buffer): void {
    const { ingress, relay, durables } = this.surroundings;
    const { permissions } = this.grant;
    const [verb, first = "", ...rest] = String(body).split(" ");
    const topic = verb === "after" ? rest[0]! : first;
    if (verb === "say") {
      const message = { body: rest.join(" "), topic, clientId: this.id };
      const objection = ingress.objectionTo(message, permissions);
      this.hasPublished = true;
      if (objection === undefined) ingress.take(message, this, body.length);
      else if (objection === "not allowed") this.#forbid(socket, "publish");
      else this.#close(socket, closeCodes.tooLarge);
    } else if (!permissions.maySubscribe(topic)) this.#forbid(socket, "subscribe");
    else if (verb === "on") {
      const audience = relay.audiences.join(topic, echo, "");
      socket.subscribe(audience.key);
      this.#live.push(audience);
      socket.send("ok");
    } else {
      const start: Start = startAfter(first) ?? "next";
      const onInForce = (after?: string) => void socket.send(`ok ${after}`);
      const request = { socket, clientId: this.id, subscriptionId: "", encoding: echo, start, onInForce };
      this.#durable.push(durables!.add({ ...request, pattern: topic }));
    }
  }

  direct(socket: ClientSocket, message: Message): void {
    socket.send(echo.tailOf(message, message.id, { isForOne: true }));
  }

  fallBehind(): boolean {
    for (const each of this.#durable) this.surroundings.durables!.fallBehind(each);
    return this.#live.length === 0;
  }

  drained(): void {
    for (const each of this.#durable) this.surroundings.durables!.drained(each);
  }

  topics = () => this.#live.map(({ pattern }) => pattern);
  goOn = () => false;
  left = () => undefined;

  closed(): void {
    for (const each of this.#live.splice(0)) this.surroundings.relay.audiences.leave(each);
    for (const each of this.#durable.splice(0)) this.surroundings.durables!.remove(each, false);
  }

  #forbid(socket: ClientSocket, what: "publish" | "subscribe"): void {
    this.surroundings.auth?.refusals.add(what);
    this.#close(socket, closeCodes.forbidden);
  }

  #close(socket: ClientSocket, { code, reason }: { readonly code: number; readonly reason: string }): void {
    this.surroundings.holds.letGo(socket);
    socket.close(code, reason);
  }
}
