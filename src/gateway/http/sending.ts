import { timeIn } from "../../duration.ts";
import { timestampIn } from "../../envelope/envelope.ts";
import { keyHeader } from "../../envelope/idempotency-key.ts";
import type { Body, Headers as MessageHeaders, OutgoingMessage } from "../../message.ts";
import { bodyIn } from "../../properties.ts";
import { Refused } from "../guards/refusals.ts";
import { Admission } from "../limits/admission.ts";
import type { DoorSurroundings } from "../protocol/protocol.ts";
import { fault, json, later } from "./answers.ts";
import type { Bodies } from "./bodies.ts";
import { type Asked, type Caller, callerOf, endOf, forbidden, isNoPattern, tokenEnded } from "./caller.ts";
import { headersIn } from "./message-headers.ts";
import { type HttpSender, Senders } from "./senders.ts";
import { Settling } from "./settling.ts";

/** What a request has brought to be published. */
export interface Brought {
  readonly caller: Caller;
  readonly sender: HttpSender;
  readonly body: Body;
  readonly headers: MessageHeaders | undefined;
}

/** How long a request waits for RabbitMQ's confirm unless it says so, and at most. In milliseconds. */
const confirmMs = 10_000;
const confirmMsMax = 60_000;

/** The answers to what was taken, where its own answer does not come. They do not say that nothing was taken. */
export interface Unanswered {
  /** Its time is over. */
  readonly late: () => Response;
  /** The manager is stopping. */
  readonly stopping: () => Response;
}

const unconfirmedBecause = (note: string) => json({ confirmed: false, note }, 202);

const unconfirmed: Unanswered = {
  late: () =>
    unconfirmedBecause(
      "RabbitMQ has not confirmed it yet: this manager goes on trying, and the message is lost only if the manager is",
    ),
  stopping: () =>
    unconfirmedBecause(
      "RabbitMQ has not confirmed it, and this manager is stopping: the message may be lost, or sent; send it again with the same Idempotency-Key",
    ),
};

/** Accepts or refuses what requests send, and answers them. */
export class Sending {
  readonly #surroundings: DoorSurroundings;
  readonly #bodies: Bodies;
  readonly #senders: Senders;
  /** Limits how many requests there may be: as many as clients, in all and from one address. Their rate is counted per sender. */
  readonly #admission: Admission;
  /** Functions that end the wait of requests that are not answered yet. */
  readonly #waits = new Set<() => void>();
  /** Answers requests that waited for something that many may wait for. */
  readonly settling: Settling;

  constructor(surroundings: DoorSurroundings, bodies: Bodies) {
    this.#surroundings = surroundings;
    this.#bodies = bodies;
    this.settling = new Settling(surroundings.loop);
    this.#senders = new Senders(surroundings, surroundings.trustProxy, surroundings.wheel);
    this.#admission = new Admission({ ...surroundings, maxConnectionsPerSecond: 0 });
  }

  /** How many requests wait for the result of what they sent. */
  get waitingCount(): number {
    return this.#waits.size;
  }

  get senderCount(): number {
    return this.#senders.count;
  }

  /** The manager is stopping. Waiting requests get an answer that says so. */
  close(): void {
    for (const end of [...this.#waits]) end();
  }

  /** `POST /topics/NAME`: answered when RabbitMQ has confirmed the message. */
  async publish(asked: Asked): Promise<Response> {
    const wait = asked.query.get("wait");
    const waitMs = wait === undefined ? confirmMs : timeIn(wait, confirmMsMax);
    if (waitMs === undefined) return fault(400, "wait is a time such as 10s, at most 60s");
    const may = ({ grant }: Caller) => grant.permissions.mayPublish(asked.name);
    return await this.admit(
      asked,
      may,
      "publish to this topic",
      async ({ caller, sender, body, headers }) => {
        const { ingress } = this.#surroundings;
        const message = this.messageOf(asked.name, caller, body, headers);
        const refusal = this.refusalOf(message, caller, sender);
        if (refusal !== undefined) return refusal;
        const { promise, resolve } = Promise.withResolvers<Response>();
        const take = () => {
          const taken = ingress.take(message, sender, undefined, {
            confirmed: () => this.settling.add(() => resolve(json({ confirmed: true }))),
            setAside: (why) => resolve(fault(422, `the message was set aside: ${why}`)),
          });
          if (taken === "reused" || taken === "too many") resolve(keyFault(taken));
        };
        if (!ingress.waitsForKeys(message.headers?.[keyHeader], take)) take();
        return await this.waitFor(asked, promise, waitMs, unconfirmed);
      },
    );
  }

  messageOf(topic: string, { id }: Caller, body: Body, headers: MessageHeaders | undefined): OutgoingMessage {
    const timestamp = timestampIn({ headers }) ?? Math.floor(Date.now() / 1000);
    return { body, topic, clientId: id, headers, timestamp };
  }

  /** The answer to a request whose message is refused. */
  refusalOf(message: OutgoingMessage, caller: Caller, sender: HttpSender): Response | undefined {
    const { ingress, shares } = this.#surroundings;
    const objection = ingress.objectionTo(message, caller.grant.permissions);
    if (objection === "not allowed")
      return forbidden("publish", "publish to this topic", caller, this.#surroundings);
    if (objection === "too large") return fault(413, "the body is too large: send smaller messages");
    if (objection !== undefined) return fault(400, `the message cannot be published: ${objection.why}`);
    if (ingress.isFull)
      return later(503, "too many messages wait for RabbitMQ: send it again in a moment", 1000);
    if (sender.share !== undefined && shares.isTooMuch(sender.share))
      return later(429, "too much of what you sent waits for RabbitMQ: send it again in a moment", 1000);
    if (sender.spreadsTooMuch)
      return later(429, "what you sent before is still going to its very many clients: wait a moment", 1000);
    return undefined;
  }

  /** Waits for the answer for `waitMs` at most, and not for a client that has gone, nor when the manager is stopping. */
  async waitFor(
    { request, server }: Asked,
    answer: Promise<Response>,
    waitMs: number,
    unanswered: Unanswered,
    onEnd: () => void = () => undefined,
  ): Promise<Response> {
    const ended = Promise.withResolvers<Response>();
    const stop = () => ended.resolve(unanswered.stopping());
    const gone = () => ended.resolve(new Response(null, { status: 499 }));
    this.#waits.add(stop);
    const timer = setTimeout(() => ended.resolve(unanswered.late()), waitMs);
    request.signal.addEventListener("abort", gone, { once: true });
    // The connection is idle while it waits, so it must not time out.
    server.timeout(request, 0);
    try {
      return await Promise.race([answer, ended.promise]);
    } finally {
      server.timeout(request, Math.ceil(this.#surroundings.handshakeTimeoutMs / 1000));
      request.signal.removeEventListener("abort", gone);
      clearTimeout(timer);
      this.#waits.delete(stop);
      onEnd();
    }
  }

  /** Admits a request if there is a place for it. Cheap checks come first. */
  async admit(
    asked: Asked,
    may: (caller: Caller) => boolean,
    what: string,
    then: (brought: Brought) => Promise<Response>,
  ): Promise<Response> {
    const { request, server, name } = asked;
    const pattern = isNoPattern(name);
    if (pattern !== undefined) return pattern;
    const headers = headersIn(request);
    if (headers instanceof Response) return headers;
    const { refusals } = this.#surroundings;
    const seat = this.#admission.takeSeat(request, server);
    if (seat instanceof Refused) return refusals.refuse(seat.name, seat.why, true);
    let sender: HttpSender | undefined;
    try {
      const caller = await callerOf(asked, this.#surroundings);
      if (caller instanceof Response) return caller;
      const { user } = caller.grant;
      sender = this.#senders.of(user === undefined ? this.#senders.addressOf(request, server) : `:${user}`);
      if (sender === undefined) return refusals.refuse("tooManyClients", undefined, true);
      sender.requests++;
      const waitMs = sender.waitMs(performance.now());
      if (waitMs > 0)
        return later(
          429,
          "you send more than one client may (--max-messages-per-second, --max-bytes-per-second)",
          waitMs,
        );
      if (!may(caller)) return forbidden("publish", what, caller, this.#surroundings);
      const bytes = await this.#bodies.read(request);
      if (bytes instanceof Response) return bytes;
      if (this.#surroundings.entrance.isClosed) return refusals.refuse("stopping", undefined, true);
      // The body may have taken a while.
      const end = endOf(caller, this.#surroundings);
      if (end !== undefined) return tokenEnded(end, this.#surroundings);
      sender.sent(bytes.byteLength);
      return await then({ caller, sender, headers, body: bodyIn(bytes, headers?.["content-type"]) });
    } finally {
      if (sender !== undefined) sender.requests--;
      this.#admission.giveBackSeat(seat);
    }
  }
}

/** The answer to a message that is refused because of its idempotency key. */
export function keyFault(why: "reused" | "too many"): Response {
  if (why === "reused")
    return fault(
      409,
      "the Idempotency-Key belongs to another message, of another body or topic: give each one a key of its own",
    );
  return later(
    503,
    "too many wait for RabbitMQ's confirm of earlier messages with their keys: send it again in a moment",
    1000,
  );
}
