import { receiptCostBytes } from "../../costs.ts";
import type { Waiter } from "../../envelope/waiter.ts";
import type { Message, OutgoingMessage } from "../../message.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import {
  errorText,
  type Frame,
  named,
  receiptText,
  required,
  type Version,
} from "../../wire/stomp/frames.ts";
import { FrameParser } from "../../wire/stomp/parser.ts";
import type { Grant } from "../auth/grant.ts";
import { TokenRefusal } from "../auth/token-refusal.ts";
import type { Client, ClientSocket } from "../client.ts";
import type { Seat } from "../limits/seat.ts";
import { connected, versionOf } from "./connect.ts";
import { Credentials, renewal, TokenFault, tokenOf } from "./credentials.ts";
import { Deadline } from "./deadline.ts";
import { type Agreement, agreementOn, HeartBeats, silence } from "./heart-beats.ts";
import { messageOf } from "./sent-message.ts";
import type { StompSurroundings } from "./stomp.ts";
import { Subscriptions } from "./subscriptions.ts";
import { begun, type Pending, Transactions } from "./transactions.ts";

/** A client's life: nothing but CONNECT is allowed at first, and nothing at all in the end. */
type State =
  | { readonly is: "new"; readonly deadline: Deadline | undefined }
  | { readonly is: "connected"; readonly heartBeats: HeartBeats | undefined }
  | { readonly is: "ended" };

// Shared by all clients, to whom every object of their own adds memory.
const isNew: State = { is: "new", deadline: undefined };
const withoutHeartBeats: State = { is: "connected", heartBeats: undefined };
const hasEnded: State = { is: "ended" };

/** A WebSocket message that ends no frame counts as so much of one that does. */
const pieceMessages = 0.25;
/** A line end between frames, which is a heart-beat, counts as so much of a message. */
const lineEndMessages = 1 / 256;

/** A transaction that is being published: it may take several slices. */
interface Commit {
  readonly sends: readonly Pending[];
  readonly receipt: string | undefined;
  published: number;
  unconfirmed: number;
  /** What became of a SEND that was set aside meanwhile. It ends the session when all are published. */
  fault?: StompFault;
}

/** One STOMP client. https://stomp.github.io/stomp-specification-1.2.html */
export class Session implements Client {
  id: string | undefined;
  readonly seat: Seat;
  hasPublished = false;
  readonly #surroundings: StompSurroundings;
  readonly #parser: FrameParser;
  readonly #subscriptions: Subscriptions;
  readonly #credentials: Credentials;
  #transactions: Transactions | undefined;
  /** The transaction that is being published. */
  #commit: Commit | undefined;
  #state: State = isNew;
  #framesRead = 0;
  /** When the rest of the frame that has begun has to be there, and how many had been read before that one. */
  #rest: Deadline | undefined;
  #restOf = 0;
  #isClosed = false;

  constructor(id: string | undefined, seat: Seat, grant: Grant | undefined, surroundings: StompSurroundings) {
    this.id = grant === undefined ? undefined : (id ?? crypto.randomUUID());
    this.seat = seat;
    this.#surroundings = surroundings;
    this.#credentials = surroundings.anyones ?? new Credentials(surroundings, id, grant);
    this.#parser = new FrameParser(surroundings);
    this.#parser.awaitsConnect = true;
    this.#subscriptions = new Subscriptions(surroundings);
  }

  opened(socket: ClientSocket): void {
    // Everything else begins with the client's CONNECT.
    const { handshakeTimeout } = this.#surroundings;
    const missed = () => this.#fail(socket, noConnect());
    const deadline = new Deadline(this.#surroundings, socket, handshakeTimeout, missed);
    this.#state = { is: "new", deadline };
    this.#credentials.begin(() => this.#expire(socket));
  }

  message(socket: ClientSocket, body: string | Buffer): void {
    if (this.#state.is === "ended") return;
    if (this.#state.is === "connected") this.#state.heartBeats?.heard();
    const { turns, count, sent: kept } = this.#surroundings;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    this.#parser.push(bytes);
    if (this.#credentials.isChecking) {
      const fault = this.#credentials.wait(bytes.byteLength);
      if (fault !== undefined) {
        this.#fail(socket, fault);
        return;
      }
    }
    if (!turns.isWaiting(socket)) {
      const frames = this.#framesRead;
      if (this.goOn(socket)) turns.wait(socket);
      else if (frames === this.#framesRead) count(socket, pieceMessages, 0);
    }
    count(socket, 0, bytes.byteLength);
    if (this.keptBytes > 0) kept(bytes.byteLength);
  }

  goOn(socket: ClientSocket): boolean {
    const { turns, uplink, backpressure, count } = this.#surroundings;
    while (turns.mayGoOn(socket)) {
      if (this.#commit !== undefined) {
        this.#publishNext(socket, this.#commit);
      } else {
        const next = this.#parser.next();
        if (next === undefined) {
          count(socket, this.#parser.takeLineEnds() * lineEndMessages, 0);
          this.#awaitRest(socket);
          return false;
        }
        if (next instanceof StompFault) this.#fail(socket, next);
        else {
          this.#framesRead++;
          count(socket, priceOf(next, this.#subscriptions.count), 0);
          this.#take(socket, next);
        }
      }
      // Nothing that follows a DISCONNECT or a fault is obeyed.
      if (this.#hasEnded()) return false;
      if (uplink.isFull && this.hasPublished) backpressure.hold(socket);
    }
    return !this.#hasEnded() && (this.#commit !== undefined || this.#parser.hasInput);
  }

  get keptBytes(): number {
    return this.#parser.keptBytes + (this.#transactions?.bytes ?? 0);
  }

  direct(socket: ClientSocket, message: Message): void {
    this.#subscriptions.deliverDirect(socket, message, this.#parser.version);
  }

  fallBehind(): boolean {
    return this.#subscriptions.fallBehind();
  }

  drained(): void {
    this.#subscriptions.drained();
  }

  closed(): void {
    this.#isClosed = true;
    this.#stopTimers();
    this.#subscriptions.clear();
  }

  left(): void {
    this.#end();
  }

  /** The rest of a frame that has begun has to come in time, whatever else the client sends meanwhile. */
  #awaitRest(socket: ClientSocket): void {
    if (!this.#parser.isUnfinished || this.#isClosed) {
      this.#rest?.met();
      this.#rest = undefined;
    } else if (this.#rest === undefined || this.#restOf !== this.#framesRead) {
      this.#rest?.met();
      this.#restOf = this.#framesRead;
      const { messageTimeout } = this.#surroundings;
      this.#rest = new Deadline(this.#surroundings, socket, messageTimeout, () =>
        this.#fail(socket, unfinished(messageTimeout)),
      );
    }
  }

  #take(socket: ClientSocket, frame: Frame): void {
    try {
      this.#obey(socket, frame);
    } catch (error) {
      if (!(error instanceof StompFault)) throw error;
      error.receipt ??= frame.headers.get("receipt");
      this.#fail(socket, error);
    }
  }

  /** @throws StompFault */
  #obey(socket: ClientSocket, frame: Frame): void {
    const { command, headers, body } = frame;
    if (body.byteLength > 0 && command !== "SEND") throw new StompFault("only a SEND has a body");
    if (this.#state.is === "new") {
      this.#parser.awaitsConnect = false;
      this.#state.deadline?.met();
      this.#connect(socket, frame);
      return;
    }
    const receipt = headers.get("receipt");
    switch (command) {
      case "SEND":
        if (this.#surroundings.auth !== undefined && headers.get("destination") === renewal)
          this.#renew(socket, frame, receipt);
        else this.#send(socket, frame, receipt);
        return;
      case "SUBSCRIBE":
        if (this.#isClosed) return;
        this.#subscriptions.add(
          {
            socket,
            clientId: this.id!,
            credentials: this.#credentials,
            version: this.#parser.version,
          },
          frame,
          (after) => this.#acknowledge(socket, receipt, after),
        );
        return;
      case "UNSUBSCRIBE":
        if (this.#isClosed) return;
        this.#subscriptions.remove(socket, required(frame, "id"));
        break;
      case "BEGIN":
        this.#transactions ??= new Transactions(this.#surroundings.maxTransactionBytes);
        this.#transactions.begin(required(frame, "transaction"));
        break;
      case "ABORT":
        this.#endTransaction(frame);
        break;
      case "COMMIT":
        this.#beginCommit(socket, this.#endTransaction(frame), receipt);
        return;
      case "DISCONNECT":
        this.#acknowledge(socket, receipt);
        this.#end();
        this.#surroundings.holds.letGo(socket);
        socket.close(closeCodes.done.code, closeCodes.done.reason);
        return;
      case "ACK":
      case "NACK":
        throw new StompFault(`there is nothing to ${command}: subscriptions are ack:auto`);
      case "CONNECT":
      case "STOMP":
        throw new StompFault("this session is connected already");
      default:
        throw new StompFault(`unknown command ${named(command)}`);
    }
    this.#acknowledge(socket, receipt);
  }

  /** @throws StompFault */
  #connect(socket: ClientSocket, frame: Frame): void {
    const { headers } = frame;
    if (headers.has("receipt")) throw new StompFault("a CONNECT has no receipt: CONNECTED answers it");
    const version = versionOf(headers.get("accept-version"));
    const agreement = agreementOn(headers.get("heart-beat"));
    this.#parser.version = version;
    if (this.#credentials.grant !== undefined) {
      this.#connected(socket, version, agreement);
      return;
    }
    this.#check(socket, tokenOf(frame), undefined, () => {
      this.id = this.#credentials.grant!.user;
      this.#surroundings.identified(socket);
      this.#connected(socket, version, agreement);
    });
  }

  #connected(socket: ClientSocket, version: Version, agreement: Agreement): void {
    const { wheel, holds } = this.#surroundings;
    this.#state = withoutHeartBeats;
    if (!this.#isClosed && (agreement.incomingMs > 0 || agreement.outgoingMs > 0)) {
      const heartBeats = new HeartBeats(wheel, agreement, {
        beat: () => {
          socket.send("\n");
          this.#surroundings.sent(1);
        },
        silent: (afterMs) => this.#fail(socket, silence(afterMs)),
        isHeard: () => !holds.has(socket),
      });
      this.#state = { is: "connected", heartBeats };
    }
    socket.send(connected(this.id!, version));
  }

  /** A new token for the same user. What it grants holds for what is subscribed to already, too. */
  #renew(socket: ClientSocket, { headers, body }: Frame, receipt: string | undefined): void {
    if (headers.has("transaction")) throw new StompFault("a token is renewed at once, not in a transaction");
    this.#check(socket, body.toString("utf8"), receipt, () => {
      for (const pattern of this.#subscriptions.patterns()) this.#credentials.maySubscribe(pattern);
      this.#acknowledge(socket, receipt);
    });
  }

  /** What comes behind the token's frame waits until `then` has been called, or the session has ended. */
  #check(socket: ClientSocket, token: string, receipt: string | undefined, then: () => void): void {
    this.#credentials.check(socket, token, (refusal) => {
      try {
        if (refusal !== undefined) throw new TokenFault(refusal);
        this.#credentials.begin(() => this.#expire(socket));
        then();
      } catch (error) {
        if (!(error instanceof TokenFault)) throw error;
        error.receipt ??= receipt;
        this.#fail(socket, error);
      }
    });
  }

  /** @throws StompFault */
  #send(socket: ClientSocket, frame: Frame, receipt: string | undefined): void {
    const message = messageOf(frame, this.id!);
    this.#credentials.mayPublish(message.topic);
    const unfit = message.headers === undefined ? undefined : this.#surroundings.uplink.unfitnessOf(message);
    if (unfit !== undefined)
      throw new StompFault(`a SEND cannot be published: ${unfit.why}`, { reason: "headerSize" });
    const transaction = frame.headers.get("transaction");
    if (transaction === undefined) {
      const waiter =
        receipt === undefined
          ? undefined
          : this.#waiter(socket, receipt, () => this.#acknowledge(socket, receipt));
      this.#publish(message, waiter, receiptCostBytes(receipt));
      return;
    }
    begun(this.#transactions, transaction).add(transaction, { message, receipt });
  }

  /** @throws StompFault if a token that came since the SENDs does not allow them any more */
  #beginCommit(socket: ClientSocket, sends: readonly Pending[], receipt: string | undefined): void {
    for (const { message } of sends) this.#credentials.mayPublish(message.topic);
    if (sends.length === 0) this.#acknowledge(socket, receipt);
    else this.#commit = { sends, receipt, published: 0, unconfirmed: sends.length };
  }

  /** Publishes the next message of a transaction. What comes after COMMIT waits until all are. */
  #publishNext(socket: ClientSocket, commit: Commit): void {
    const { message, receipt } = commit.sends[commit.published]!;
    const isAwaited = receipt !== undefined || commit.receipt !== undefined;
    const confirmed = () => {
      commit.unconfirmed--;
      this.#acknowledge(socket, receipt);
      if (commit.unconfirmed === 0) this.#acknowledge(socket, commit.receipt);
    };
    commit.published++;
    const isLast = commit.published === commit.sends.length;
    if (isLast) this.#commit = undefined;
    if (isAwaited) {
      // The receipt of all is held once, until the last is confirmed.
      const waiterBytes = receiptCostBytes(receipt ?? "") + (isLast ? receiptCostBytes(commit.receipt) : 0);
      this.#publish(message, this.#waiter(socket, receipt ?? commit.receipt, confirmed), waiterBytes);
    } else this.#publish(message, undefined, 0);
    if (isLast && commit.fault !== undefined) this.#fail(socket, commit.fault);
  }

  /**
   * Hands a message to the neighbours and to the broker.
   *
   * @param waiterBytes what the waiter keeps
   */
  #publish(message: OutgoingMessage, waiter: Waiter | undefined, waiterBytes: number): void {
    const { relay, uplink } = this.#surroundings;
    this.hasPublished = true;
    const number = uplink.take(message, waiter, waiterBytes);
    relay.receivedCount++;
    relay.toAll(message, uplink.idOf(number));
  }

  /** @throws StompFault */
  #endTransaction(frame: Frame): readonly Pending[] {
    const name = required(frame, "transaction");
    return begun(this.#transactions, name).end(name);
  }

  /** @param after where a durable subscription begins */
  #acknowledge(socket: ClientSocket, receipt: string | undefined, after?: string): void {
    if (receipt === undefined || this.#hasEnded()) return;
    const text = receiptText(receipt, after, this.#parser.version);
    socket.send(text);
    this.#surroundings.sent(text.length);
  }

  /**
   * Nothing but an ERROR can say that there will be no receipt. It waits until a transaction that is being published has been:
   * the other messages of it are published.
   */
  #waiter(socket: ClientSocket, receipt: string | undefined, confirmed: () => void): Waiter {
    const setAside = (why: string) => {
      if (this.#hasEnded()) return;
      const fault = new StompFault(`a SEND was set aside: ${why}`, { reason: "setAside", receipt });
      if (this.#commit === undefined) this.#fail(socket, fault);
      else this.#commit.fault ??= fault;
    };
    return { confirmed, setAside };
  }

  /** A token that was there in time is waited for: if it is not accepted, that ends the session. */
  #expire(socket: ClientSocket): void {
    if (this.#credentials.isChecking) return;
    this.#fail(socket, new TokenFault(new TokenRefusal("expired", "the token has expired")));
  }

  #fail(socket: ClientSocket, fault: StompFault): void {
    this.#surroundings.faults.add(fault.reason);
    if (fault instanceof TokenFault) this.#surroundings.auth?.refusals.add(fault.refusal.kind);
    // A client that is not read from could not answer the close.
    this.#surroundings.holds.letGo(socket);
    socket.send(errorText(fault, this.#parser.version));
    this.#end();
    socket.close(fault.close.code, fault.close.reason);
  }

  #hasEnded(): boolean {
    return this.#state.is === "ended";
  }

  #end(): void {
    this.#stopTimers();
    this.#credentials.end();
    this.#state = hasEnded;
    this.#transactions = undefined;
    this.#commit = undefined;
  }

  #stopTimers(): void {
    this.#rest?.met();
    this.#rest = undefined;
    if (this.#state.is === "connected") this.#state.heartBeats?.stop();
    else if (this.#state.is === "new") this.#state.deadline?.met();
  }
}

function noConnect(): StompFault {
  return new StompFault("no CONNECT came", { reason: "connectTime", close: closeCodes.notConnected });
}

function unfinished(afterMs: number): StompFault {
  return new StompFault(`a frame was not whole ${afterMs / 1000} s after its beginning`, {
    reason: "messageTime",
    close: closeCodes.unfinished,
  });
}

/**
 * What a frame counts, in messages: about what it costs.
 *
 * @param subscriptions how many the client has, among which one is looked for
 */
function priceOf({ command }: Frame, subscriptions: number): number {
  return command === "SUBSCRIBE" || command === "UNSUBSCRIBE" ? 2 + subscriptions / 25 : 1;
}
