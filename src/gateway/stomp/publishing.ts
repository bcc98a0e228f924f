import { receiptCostBytes } from "../../costs.ts";
import { Share } from "../../envelope/share.ts";
import type { Waiter } from "../../envelope/waiter.ts";
import type { OutgoingMessage } from "../../message.ts";
import { replyNameIn } from "../../wire/stomp/destinations.ts";
import { required, StompFault } from "../../wire/stomp/fault.ts";
import type { Frame } from "../../wire/stomp/frames.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Objection, Sender } from "../fan-out/ingress.ts";
import type { Thread } from "../requests/correlation.ts";
import { type Asker, type Line, RequestFault } from "../requests/line.ts";
import { Commit } from "./commit.ts";
import type { Credentials } from "./credentials.ts";
import { askedBefore, keyFaults, notSent } from "./replies.ts";
import { messageOf } from "./sent-message.ts";
import type { StompSurroundings } from "./surroundings.ts";
import { begun, type Pending, Transactions } from "./transactions.ts";

/** The session that publishes: it gives the sender of messages, and gets the answers. */
export interface Publisher extends Asker {
  readonly socket: ClientSocket;
  /** The client id of the sender. */
  readonly clientId: string;
  readonly credentials: Credentials;
  /** Sends a RECEIPT if one was requested. Does nothing after the session has ended. */
  acknowledge(receipt: string | undefined): void;
  /** Ends the session with an ERROR. Does nothing after it has ended. */
  fail(fault: StompFault): void;
}

/** What one session publishes: its SENDs, and its transactions. Sessions that only subscribe have none. */
export class Publishing implements Sender {
  /** Whether anything was published yet. */
  hasBegun = false;
  /** What it has in the outbox. */
  readonly share = new Share();
  readonly socket: ClientSocket;
  /** It gets a copy of what it sends. */
  readonly excluded = undefined;
  readonly #surroundings: StompSurroundings;
  readonly #publisher: Publisher;
  #transactions: Transactions | undefined;
  #commit: Commit | undefined;
  #line: Line | undefined;

  constructor(surroundings: StompSurroundings, publisher: Publisher) {
    this.#surroundings = surroundings;
    this.#publisher = publisher;
    this.socket = publisher.socket;
  }

  /** Whether a transaction is being checked and published, by `resume`. Input after its COMMIT waits until all of it is published. */
  get isCommitting(): boolean {
    return this.#commit !== undefined;
  }

  /** What transactions hold that are open or being published, and requests with an expiration. In bytes. */
  get keptBytes(): number {
    return (this.#transactions?.bytes ?? 0) + (this.#commit?.keptBytes ?? 0) + (this.#line?.keptBytes ?? 0);
  }

  /** @throws StompFault */
  send(frame: Frame, receipt: string | undefined): void {
    const { clientId, credentials } = this.#publisher;
    const message = messageOf(frame, clientId);
    if (message.isRequest === true) {
      this.#ask(message, frame, receipt);
      return;
    }
    const objection = this.#surroundings.ingress.objectionTo(message, credentials.permissions);
    if (objection !== undefined) throw this.#faultOf(objection, message.topic);
    const transaction = frame.headers.get("transaction");
    if (transaction !== undefined)
      begun(this.#transactions, transaction).add(transaction, { message, receipt });
    else if (receipt === undefined) this.#publish(message, receipt, undefined, 0);
    else {
      const confirmed = () => this.#publisher.acknowledge(receipt);
      this.#publish(message, receipt, this.#waiter(receipt, confirmed), receiptCostBytes(receipt));
    }
  }

  /** @throws StompFault */
  #ask(message: OutgoingMessage, { headers }: Frame, receipt: string | undefined): void {
    const { credentials } = this.#publisher;
    if (!credentials.permissions.mayAsk(message.topic)) throw credentials.notToAsk(message.topic);
    if (headers.has("transaction"))
      throw new StompFault("a request (SEND to /app) is sent at once, not in a transaction");
    const replyTo = headers.get("reply-to");
    const thread =
      replyTo === undefined
        ? undefined
        : { replyTo: replyNameIn(replyTo), correlationId: headers.get("correlation-id") };
    const asked = thread === undefined ? message : { ...message, headers: this.#askedBy(message, thread) };
    const objection = this.#surroundings.ingress.objectionTo(asked, credentials.permissions);
    if (objection !== undefined) throw this.#faultOf(objection, asked.topic);
    const confirmed = () => this.#publisher.acknowledge(receipt);
    if (receipt !== undefined) {
      const waiter = this.#waiter(receipt, confirmed);
      this.#publishAsked(asked, receipt, thread, waiter, receiptCostBytes(receipt));
      return;
    }
    const refused = () =>
      thread && this.#line?.refused(asked.headers, thread, asked.topic, "failed", notSent);
    this.#publishAsked(asked, receipt, thread, { confirmed, setAside: refused }, receiptCostBytes(replyTo));
  }

  /** A request that repeats an earlier one gets no answer: the answer goes to the first asker. */
  #publishAsked(
    asked: OutgoingMessage,
    receipt: string | undefined,
    thread: Thread | undefined,
    waiter: Waiter,
    waiterBytes: number,
  ): void {
    const isRepeat = this.#publish(asked, receipt, waiter, waiterBytes);
    if (isRepeat && thread !== undefined)
      this.#line?.refused(asked.headers, thread, asked.topic, "repeated", askedBefore);
  }

  /** @throws StompFault */
  #askedBy({ headers, topic }: OutgoingMessage, thread: Thread): OutgoingMessage["headers"] {
    this.#line ??= this.#surroundings.requests.line(this.#publisher);
    try {
      return this.#line.headersOf(headers, thread, topic);
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      throw new StompFault(error.message);
    }
  }

  /** The connection has ended, so nobody waits for answers any more. */
  closed(): void {
    this.#line?.close();
    this.#line = undefined;
  }

  /** @throws StompFault */
  begin(frame: Frame): void {
    this.#transactions ??= new Transactions(this.#surroundings.maxTransactionBytes);
    this.#transactions.begin(required(frame, "transaction"));
  }

  /** @throws StompFault */
  abort(frame: Frame): void {
    this.#endTransaction(frame);
  }

  /** @throws StompFault */
  commit(frame: Frame, receipt: string | undefined): void {
    const sends = this.#endTransaction(frame);
    if (sends.length === 0) this.#publisher.acknowledge(receipt);
    else this.#commit = new Commit(sends, receipt);
  }

  /** Checks some more messages of the transaction that has its COMMIT, or publishes its next one. If one is not allowed, none is published. */
  resume(): void {
    const commit = this.#commit!;
    if (commit.isChecked) {
      this.#publishNext(commit);
      return;
    }
    const { credentials } = this.#publisher;
    const fault = commit.check((message, isKeyTaken) => {
      const { topic } = message;
      if (!credentials.permissions.mayPublish(topic)) return credentials.notToPublish(topic, commit.receipt);
      if (!isKeyTaken && !this.#surroundings.ingress.isReused(message)) return undefined;
      return new StompFault(keyFaults.reused, { reason: "idempotencyKey", receipt: commit.receipt });
    });
    if (fault !== undefined) this.#publisher.fail(fault);
  }

  #publishNext(commit: Commit): void {
    const { message, receipt } = commit.next();
    const isAwaited = receipt !== undefined || commit.receipt !== undefined;
    const confirmed = () => {
      commit.unconfirmed--;
      this.#publisher.acknowledge(receipt);
      if (commit.unconfirmed === 0) this.#publisher.acknowledge(commit.receipt);
    };
    const isLast = commit.isPublished;
    if (isLast) this.#commit = undefined;
    if (isAwaited) {
      // The receipt of the COMMIT is kept once, until the last message is confirmed.
      const waiterBytes = receiptCostBytes(receipt ?? "") + (isLast ? receiptCostBytes(commit.receipt) : 0);
      const awaited = receipt ?? commit.receipt;
      this.#publish(message, awaited, this.#waiter(awaited, confirmed), waiterBytes);
    } else this.#publish(message, undefined, undefined, 0);
    if (isLast && commit.fault !== undefined) this.#publisher.fail(commit.fault);
  }

  /** The session has ended. What its transactions hold is not published. */
  end(): void {
    this.#transactions = undefined;
    this.#commit = undefined;
  }

  /**
   * Passes a message to the ingress.
   *
   * @param receipt the receipt that an ERROR about the message has to name
   * @param waiterBytes what the waiter keeps in memory
   * @returns whether it was not published, because by its idempotency key it repeats an earlier one
   */
  #publish(
    message: OutgoingMessage,
    receipt: string | undefined,
    waiter: Waiter | undefined,
    waiterBytes: number,
  ): boolean {
    this.hasBegun = true;
    const taken = this.#surroundings.ingress.take(message, this, undefined, waiter, waiterBytes);
    if (taken === "reused" || taken === "too many")
      this.#refuse(new StompFault(keyFaults[taken], { reason: "idempotencyKey", receipt }));
    return taken === "repeated";
  }

  /** Ends the session with an ERROR: at once, or when the transaction that is being published is done. */
  #refuse(fault: StompFault): void {
    if (this.#commit === undefined) this.#publisher.fail(fault);
    else this.#commit.fault ??= fault;
  }

  #faultOf(objection: Objection, topic: string): StompFault {
    if (objection === "not allowed") return this.#publisher.credentials.notToPublish(topic);
    if (objection === "too large") {
      const { maxMessageBytes } = this.#surroundings;
      return new StompFault(`a body has more than ${maxMessageBytes} bytes`, { reason: "messageSize" });
    }
    return new StompFault(`a SEND cannot be published: ${objection.why}`, { reason: "headerSize" });
  }

  /** @throws StompFault */
  #endTransaction(frame: Frame): readonly Pending[] {
    const name = required(frame, "transaction");
    return begun(this.#transactions, name).end(name);
  }

  /**
   * Hears of a message's confirm. If the message is set aside, only an ERROR can say that there will be no receipt. The ERROR waits until
   * the transaction that is being published is done, since its other messages are published.
   */
  #waiter(receipt: string | undefined, confirmed: () => void): Waiter {
    const bytes = receiptCostBytes(receipt);
    const tell = (what: () => void) => this.#surroundings.receipts.tell(this.socket, bytes, what);
    const refuse = (why: string) =>
      this.#refuse(new StompFault(`a SEND was set aside: ${why}`, { reason: "setAside", receipt }));
    return { confirmed: () => tell(confirmed), setAside: (why) => tell(() => refuse(why)) };
  }
}
