import { budgetForAll } from "../../topics/covering.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import { replyDestination } from "../../wire/stomp/destinations.ts";
import { errorText, StompFault } from "../../wire/stomp/fault.ts";
import type { Frame, Version } from "../../wire/stomp/frames.ts";
import type { FrameParser } from "../../wire/stomp/parser.ts";
import type { Grant } from "../auth/grant.ts";
import type { ClientSocket } from "../clients/client.ts";
import { Subscriptions } from "../protocol/subscriptions.ts";
import { bodyOf, unknownCommand } from "./commands.ts";
import { connected, versionOf } from "./connect.ts";
import { Credentials, renewal, TokenFault, tokenOf } from "./credentials.ts";
import { Deadline } from "./deadline.ts";
import { type Agreement, agreementOn, heartBeatsOf } from "./heart-beats.ts";
import { hasEnded, isNew, type Phase, stopTimersOf, withoutHeartBeats } from "./phase.ts";
import { Publishing } from "./publishing.ts";
import { noConnect, sendMessage, sendReceipt } from "./replies.ts";
import { subscribe, unsubscribe } from "./subscribe.ts";
import type { StompSurroundings } from "./surroundings.ts";

/** The dialogue between a STOMP client and Warren: handles the client's frames, and answers them. */
export class Conversation {
  /** The client's id. Undefined until a token has brought one. */
  id: string | undefined;
  readonly subscriptions: Subscriptions;
  readonly credentials: Credentials;
  /** Undefined until the first SEND or BEGIN. */
  publishing: Publishing | undefined;
  isClosed = false;
  readonly #surroundings: StompSurroundings;
  readonly #parser: FrameParser;
  #phase: Phase = isNew;

  /** @param parser is told the client's version */
  constructor(
    id: string | undefined,
    grant: Grant | undefined,
    parser: FrameParser,
    surroundings: StompSurroundings,
  ) {
    this.id = grant === undefined ? undefined : (id ?? crypto.randomUUID());
    this.#surroundings = surroundings;
    this.#parser = parser;
    this.credentials = surroundings.anyones ?? new Credentials(surroundings, id, grant);
    this.subscriptions = new Subscriptions(surroundings);
  }

  /** Starts the time for the client's CONNECT. */
  opened(socket: ClientSocket): void {
    const { handshakeTimeoutMs } = this.#surroundings;
    const missed = () => this.fail(socket, noConnect());
    const deadline = new Deadline(this.#surroundings, socket, handshakeTimeoutMs, missed);
    this.#phase = { is: "new", deadline };
    this.credentials.begin((fault) => this.fail(socket, fault));
  }

  /** Whether CONNECT was answered. */
  get isConnected(): boolean {
    return this.#phase.is === "connected";
  }

  /** Whether nothing is handled or answered any more. */
  get hasEnded(): boolean {
    return this.#phase.is === "ended";
  }

  /** The client sent something. */
  heard(): void {
    if (this.#phase.is === "connected") this.#phase.heartBeats?.heard();
  }

  /** Handles a frame, or answers it with an ERROR. */
  take(socket: ClientSocket, frame: Frame): void {
    try {
      this.#obey(socket, frame);
    } catch (error) {
      if (!(error instanceof StompFault)) throw error;
      error.receipt ??= frame.headers.get("receipt");
      this.fail(socket, error);
    }
  }

  /** @throws StompFault */
  #obey(socket: ClientSocket, frame: Frame): void {
    const { command, headers, body } = frame;
    if (body.byteLength > 0 && command !== "SEND") throw bodyOf(command);
    if (this.#phase.is === "new") {
      this.#phase.deadline?.met();
      this.#connect(socket, frame);
      return;
    }
    const receipt = headers.get("receipt");
    switch (command) {
      case "SEND":
        if (this.#surroundings.auth !== undefined && headers.get("destination") === renewal)
          this.#renew(socket, frame, receipt);
        else this.#publishingOf(socket).send(frame, receipt);
        return;
      case "SUBSCRIBE":
        if (this.isClosed) return;
        this.#subscribe(socket, frame, receipt);
        return;
      case "UNSUBSCRIBE":
        if (this.isClosed) return;
        unsubscribe({ socket, subscriptions: this.subscriptions }, frame);
        break;
      case "BEGIN":
        this.#publishingOf(socket).begin(frame);
        break;
      case "ABORT":
        this.#publishingOf(socket).abort(frame);
        break;
      case "COMMIT":
        this.#publishingOf(socket).commit(frame, receipt);
        return;
      case "DISCONNECT":
        this.#acknowledge(socket, receipt);
        this.end();
        this.#surroundings.holds.resumeForClose(socket);
        socket.close(closeCodes.done.code, closeCodes.done.reason);
        return;
      case "ACK":
      case "NACK":
        throw new StompFault(`there is nothing to ${command}: subscriptions are ack:auto`);
      case "CONNECT":
      case "STOMP":
        throw new StompFault("this session is connected already");
      default:
        throw unknownCommand(command);
    }
    this.#acknowledge(socket, receipt);
  }

  /** @throws StompFault */
  #subscribe(socket: ClientSocket, frame: Frame, receipt: string | undefined): void {
    const { credentials, subscriptions } = this;
    const { version } = this.#parser;
    const { count, maxSubscriptions } = this.#surroundings;
    const pay = (messages: number) => count(socket, messages, 0);
    const subscriber = { socket, clientId: this.id!, credentials, version, subscriptions, pay };
    subscribe(subscriber, frame, maxSubscriptions, {
      subscribed: (after) => this.#acknowledge(socket, receipt, after),
      refused: (why) => this.fail(socket, new StompFault(why, { reason: "subscriptions", receipt })),
    });
  }

  /** @throws StompFault */
  #connect(socket: ClientSocket, frame: Frame): void {
    const { headers } = frame;
    if (headers.has("receipt")) throw new StompFault("a CONNECT has no receipt: CONNECTED answers it");
    const version = versionOf(headers.get("accept-version"));
    const agreement = agreementOn(headers.get("heart-beat"));
    this.#parser.version = version;
    if (this.credentials.grant !== undefined) {
      this.#connected(socket, version, agreement);
      return;
    }
    this.#check(socket, tokenOf(frame), undefined, () => {
      this.id = this.credentials.grant!.user;
      this.#surroundings.identified(socket);
      this.#connected(socket, version, agreement);
    });
  }

  #connected(socket: ClientSocket, version: Version, agreement: Agreement): void {
    const heartBeats = this.isClosed
      ? undefined
      : heartBeatsOf(socket, agreement, this.#surroundings, (fault) => this.fail(socket, fault));
    this.#phase = heartBeats === undefined ? withoutHeartBeats : { is: "connected", heartBeats };
    socket.send(connected(this.id!, version));
    if (!this.isClosed) this.#surroundings.announcements.connected(socket.data);
  }

  /** Takes a new token for the same user. Its rights apply to existing subscriptions too. */
  #renew(socket: ClientSocket, { headers, body }: Frame, receipt: string | undefined): void {
    if (headers.has("transaction")) throw new StompFault("a token is renewed at once, not in a transaction");
    const { permissions } = this.credentials;
    this.#check(socket, body.toString("utf8"), receipt, () => {
      // Most tokens are renewed with the same rights, of which there is one object.
      if (this.credentials.permissions !== permissions) this.#checkSubscriptions();
      this.#acknowledge(socket, receipt);
    });
  }

  /** @throws TokenFault if the token does not allow what is subscribed to */
  #checkSubscriptions(): void {
    const budget = budgetForAll();
    for (const pattern of this.subscriptions.patterns()) this.credentials.maySubscribe(pattern, budget);
    for (const topic of this.subscriptions.watched()) this.credentials.maySubscribe(topic, budget);
  }

  /** Checks a token. Further input waits until `granted` has been called, or the session has ended. */
  #check(socket: ClientSocket, token: string, receipt: string | undefined, granted: () => void): void {
    this.credentials.check(socket, token, granted, (fault) => {
      fault.receipt ??= receipt;
      this.fail(socket, fault);
    });
  }

  #publishingOf(socket: ClientSocket): Publishing {
    this.publishing ??= new Publishing(this.#surroundings, {
      socket,
      clientId: this.id!,
      credentials: this.credentials,
      // The client may have no subscription for it. The MESSAGE names the one that it would have.
      answer: (message, { replyTo }) => {
        if (this.hasEnded || this.isClosed) return;
        sendMessage(socket, message, replyDestination(replyTo), this.#parser.version, this.#surroundings);
      },
      acknowledge: (receipt) => this.#acknowledge(socket, receipt),
      fail: (fault) => this.fail(socket, fault),
    });
    return this.publishing;
  }

  /** @param after the position after which a durable subscription begins */
  #acknowledge(socket: ClientSocket, receipt: string | undefined, after?: string): void {
    if (receipt === undefined || this.hasEnded) return;
    sendReceipt(socket, receipt, after, this.#parser.version, this.#surroundings);
  }

  /** Ends the session with an ERROR, unless it has ended. */
  fail(socket: ClientSocket, fault: StompFault): void {
    if (this.hasEnded) return;
    this.#surroundings.faults.add(fault.reason);
    if (fault instanceof TokenFault) this.#surroundings.auth?.refusals.add(fault.refusal.kind);
    // A paused client could not answer the close frame.
    this.#surroundings.holds.resumeForClose(socket);
    socket.send(errorText(fault, this.#parser.version));
    this.end();
    socket.close(fault.close.code, fault.close.reason);
  }

  /** The connection has ended. Input that was read before is still handled. */
  closed(): void {
    this.isClosed = true;
    stopTimersOf(this.#phase);
    this.publishing?.closed();
    this.subscriptions.clear();
  }

  end(): void {
    stopTimersOf(this.#phase);
    this.credentials.end();
    this.#phase = hasEnded;
    this.publishing?.end();
  }
}
