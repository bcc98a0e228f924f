import { isName, type Message } from "../../message.ts";
import { isPattern } from "../../topics/pattern.ts";
import type { Grant } from "../auth/grant.ts";
import { everything } from "../auth/permissions.ts";
import { TokenRefusal } from "../auth/token-refusal.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Seat } from "../clients/seat.ts";
import { invalid, type Refused } from "../guards/refusals.ts";
import { MessageClient } from "../protocol/message-client.ts";
import type { Newcomer, Surroundings } from "../protocol/protocol.ts";
import type { Line } from "../requests/line.ts";

/** All answers look the same: plain text has no room to tell which request they answer. */
const thread = { replyTo: "", correlationId: undefined } as const;

/**
 * Makes the plain-text client that asks for `?app=NAME`, or tells why there is none. It is on no topic: it sends requests to processors,
 * and gets the answers.
 */
export function admitAsking(
  name: string,
  { id, query, seat }: Newcomer,
  grant: Grant,
  surroundings: Surroundings,
): Client | Refused {
  if (query.has("topic")) return invalid("a plain-text client has a topic or an app, not both");
  if (name === "" || !isName(name))
    return invalid("the name of an app has 1 to 255 bytes and no control characters");
  if (isPattern(name)) return invalid("the name of an app is no pattern: leave out * and #");
  if (!grant.permissions.mayAsk(name))
    return new TokenRefusal(
      "publish",
      `the token gives no right to send requests to this app${grant.permissions.note}`,
    );
  return new AskingClient(id ?? crypto.randomUUID(), seat, name, grant, surroundings);
}

/** A plain-text client of an app: each WebSocket message is a request. It is on no topic, so it cannot get its own messages. */
class AskingClient extends MessageClient {
  readonly protocol = "text";
  readonly #app: string;
  #line: Line | undefined;

  constructor(id: string, seat: Seat, app: string, grant: Grant, surroundings: Surroundings) {
    super(id, seat, grant, surroundings);
    this.#app = app;
  }

  topics(): Iterable<string> {
    return [];
  }

  protected obey(_: ClientSocket, body: string | Buffer): void {
    const { requests, ingress } = this.surroundings;
    const timestamp = Math.floor(Date.now() / 1000);
    const message = { body, topic: this.#app, clientId: this.id, isRequest: true, timestamp };
    // Whether it may send requests to the app was checked when it was admitted.
    const objection = ingress.objectionTo(message, everything);
    if (objection !== undefined) {
      this.refuse(objection);
      return;
    }
    this.hasPublished = true;
    // If it has closed, its request is sent, but it gets no answer.
    if (this.#line === undefined && !this.isClosed)
      this.#line = requests.line({ answer: (answer) => this.direct(this.socket!, answer) });
    const headers = this.#line?.headersOf(undefined, thread, this.#app);
    const refused = () =>
      this.#line?.refused(headers, thread, this.#app, "failed", "the request could not be sent on");
    const waiter = { confirmed: () => undefined, setAside: refused };
    ingress.take({ ...message, headers }, this, body.length, waiter);
  }

  direct(socket: ClientSocket, { body }: Message): void {
    this.send(socket, body);
  }

  override closed(): void {
    super.closed();
    this.#line?.close();
    this.#line = undefined;
  }
}
