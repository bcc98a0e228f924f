import { keyHeader } from "../../envelope/idempotency-key.ts";
import type { Share } from "../../envelope/share.ts";
import type { Message } from "../../message.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import type { Frame } from "../../wire/stomp/frames.ts";
import { FrameParser } from "../../wire/stomp/parser.ts";
import type { Grant } from "../auth/grant.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Seat } from "../clients/seat.ts";
import { Conversation } from "./conversation.ts";
import { stompEncoding } from "./encoding.ts";
import { lineEndMessages, pieceMessages, priceOf } from "./prices.ts";
import type { StompSurroundings } from "./surroundings.ts";
import { Unfinished } from "./unfinished.ts";

/**
 * One STOMP client: splits its input into frames, and has them handled in its turns. https://stomp.github.io/stomp-specification-1.2.html
 */
export class Session implements Client {
  readonly seat: Seat;
  readonly #surroundings: StompSurroundings;
  readonly #parser: FrameParser;
  readonly #conversation: Conversation;
  #framesRead = 0;
  /** How much input waits to be handled. In bytes. */
  #unobeyedBytes = 0;
  #unfinished: Unfinished | undefined;
  /** A SEND that waits for idempotency keys. Further input waits until it is handled. */
  #waiting: Frame | undefined;

  constructor(id: string | undefined, seat: Seat, grant: Grant | undefined, surroundings: StompSurroundings) {
    this.seat = seat;
    this.#surroundings = surroundings;
    this.#parser = new FrameParser(surroundings);
    this.#parser.awaitsConnect = true;
    this.#conversation = new Conversation(id, grant, this.#parser, surroundings);
  }

  get id(): string | undefined {
    return this.#conversation.id;
  }

  get protocol(): string | undefined {
    return this.#conversation.isConnected ? "stomp" : undefined;
  }

  get hasPublished(): boolean {
    return this.#conversation.publishing?.hasBegun === true;
  }

  get share(): Share | undefined {
    return this.#conversation.publishing?.share;
  }

  opened(socket: ClientSocket): void {
    this.#conversation.opened(socket);
  }

  topics(): Iterable<string> {
    return this.#conversation.subscriptions.patterns();
  }

  message(socket: ClientSocket, body: string | Buffer): void {
    const conversation = this.#conversation;
    if (conversation.hasEnded) return;
    conversation.heard();
    const { turns, count, kept } = this.#surroundings;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    this.#parser.push(bytes);
    if (conversation.credentials.isChecking) {
      const fault = conversation.credentials.wait(bytes.byteLength);
      if (fault !== undefined) {
        this.#fail(socket, fault);
        return;
      }
    }
    if (!turns.isWaiting(socket)) {
      const frames = this.#framesRead;
      if (this.resumeInput(socket)) turns.wait(socket);
      else if (frames === this.#framesRead) count(socket, pieceMessages, 0);
    }
    this.#countUnobeyed(turns.isWaiting(socket));
    count(socket, 0, bytes.byteLength);
    if (this.#begunBytes > 0) kept(bytes.byteLength);
  }

  resumeInput(socket: ClientSocket): boolean {
    const isLeft = this.#obey(socket);
    if (this.#unobeyedBytes > 0) this.#countUnobeyed(isLeft);
    return isLeft;
  }

  /** Handles waiting input. Returns true if some is left. */
  #obey(socket: ClientSocket): boolean {
    const { turns, count } = this.#surroundings;
    const conversation = this.#conversation;
    while (turns.mayContinue(socket)) {
      const waited = this.#waiting;
      if (waited !== undefined) {
        this.#waiting = undefined;
        conversation.take(socket, waited);
      } else if (conversation.publishing?.isCommitting) conversation.publishing.resume();
      else {
        const next = this.#parser.next();
        if (next === undefined) {
          count(socket, this.#parser.takeLineEnds() * lineEndMessages, 0);
          if (this.#parser.hasPaused) continue;
          this.#awaitRest(socket);
          return false;
        }
        if (next instanceof StompFault) this.#fail(socket, next);
        else {
          this.#framesRead++;
          this.#parser.awaitsConnect = false;
          count(socket, priceOf(next, conversation.subscriptions.count), 0);
          if (this.#waitsForKeys(socket, next)) this.#waiting = next;
          else conversation.take(socket, next);
        }
      }
      // Nothing after a DISCONNECT or a fault is handled.
      if (conversation.hasEnded) {
        this.#endUnfinished();
        return false;
      }
    }
    if (conversation.hasEnded) return false;
    const isBegun = this.#waiting !== undefined || conversation.publishing?.isCommitting === true;
    return isBegun || this.#parser.hasInput;
  }

  #waitsForKeys(socket: ClientSocket, { command, headers }: Frame): boolean {
    const { ingress } = this.#surroundings;
    return command === "SEND" && ingress.awaitsKeys && ingress.holdsForKeys(socket, headers.get(keyHeader));
  }

  get keptBytes(): number {
    return this.#begunBytes + this.#conversation.subscriptions.keptBytes;
  }

  /** What is kept of incomplete input. */
  get #begunBytes(): number {
    const waiting = this.#waiting?.body.buffer.byteLength ?? 0;
    return this.#parser.keptBytes + waiting + (this.#conversation.publishing?.keptBytes ?? 0);
  }

  direct(socket: ClientSocket, message: Message): void {
    this.#conversation.subscriptions.deliverDirect(socket, message, stompEncoding(this.#parser.version));
  }

  get isPatient(): boolean {
    return this.#conversation.subscriptions.arePatient;
  }

  fallBehind(waitingBytes: number): void {
    this.#conversation.subscriptions.fallBehind(waitingBytes);
  }

  drained(): void {
    this.#conversation.subscriptions.drained();
  }

  closed(): void {
    this.#endUnfinished();
    this.#conversation.closed();
  }

  left(): void {
    this.#endUnfinished();
    this.#countUnobeyed(false);
    this.#conversation.end();
  }

  /** @param isLeft whether input waits to be handled, and not just for the rest of a frame */
  #countUnobeyed(isLeft: boolean): void {
    const bytes = isLeft ? this.#parser.keptBytes : 0;
    this.#surroundings.shares.unobeyedBytes += bytes - this.#unobeyedBytes;
    this.#unobeyedBytes = bytes;
  }

  /** Starts the time for the rest of a frame, if one has begun. */
  #awaitRest(socket: ClientSocket): void {
    const isAwaited = this.#parser.isUnfinished && !this.#conversation.isClosed;
    if (isAwaited && this.#unfinished?.after === this.#framesRead) return;
    this.#endUnfinished();
    if (!isAwaited) return;
    const fail = (fault: StompFault) => this.#fail(socket, fault);
    this.#unfinished = new Unfinished(socket, this.#framesRead, this.#surroundings, fail);
  }

  #fail(socket: ClientSocket, fault: StompFault): void {
    this.#endUnfinished();
    this.#conversation.fail(socket, fault);
  }

  #endUnfinished(): void {
    this.#unfinished?.end();
    this.#unfinished = undefined;
  }
}
