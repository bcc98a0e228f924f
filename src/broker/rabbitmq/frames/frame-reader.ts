import type { ChannelModel } from "amqplib";
import { LoopTime } from "../../../ops/loop-time.ts";
import { TurnBudget } from "../../../ops/turn-budget.ts";
import {
  classBasic,
  frameBody,
  frameEnd,
  frameHeadBytes,
  frameHeader,
  frameHeartbeat,
  frameMethod,
  frameOverhead,
  frameSizeAt,
  internalError,
} from "./amqp-wire.ts";
import { readProperties } from "./delivery-properties.ts";
import { type Receiving, type ReceivingChannel, receiveFrom, receiving } from "./innards.ts";
import { type CoalescingOptions, ReadCoalescing, ReadGate } from "./read-coalescing.ts";

/** The class and method of basic.deliver. */
const basicDeliver = (classBasic << 16) | 60;
/** The position of the flags in a header frame's payload: after class, weight and body size. */
const flagsAt = 12;

const nothing = Buffer.alloc(0);

/**
 * For how long frames are handled in one turn of the event loop at most, in milliseconds. Bun reads up to 512 KiB at once, and a pack of which
 * clients want each message takes some milliseconds: all of it would hold up everybody else for 30 ms and more.
 */
const turnMs = 5;
/** The clock is read once for this many bytes, between two frames. */
const lookEachBytes = 2048;

/**
 * Reads what RabbitMQ sends, in place of amqplib, and decodes complete deliveries itself. In amqplib each of their three frames is an
 * object, and the buffer is cut and joined for each, which makes a delivery at least half again as expensive (docs/decisions.md).
 * Everything else is passed to amqplib frame by frame, as if it had read it itself.
 *
 * What takes long is handled in parts, in several turns of the event loop. The socket is not read from meanwhile.
 */
export class FrameReader {
  readonly #inside: Receiving;
  /** amqplib's function for frames, as long as the connection is not closing. */
  readonly #mainAccept: Receiving["accept"];
  /** Received chunks that do not complete a frame yet, in order. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  /** How many bytes must have come before it is worth trying again. */
  #neededBytes = frameHeadBytes;
  #coalescing: ReadCoalescing | undefined;
  /** How many bytes were received since `#coalescing` was told. */
  #unsaidBytes = 0;
  /** Undefined if the socket cannot be paused. Then everything is handled as it comes. */
  readonly #gate: ReadGate | undefined;
  /** The turn in which the rest is handled. */
  #later: NodeJS.Immediate | undefined;
  /** Tells amqplib that the socket has ended: of that it hears after all that came before, where a rest still waits. */
  #tellEnd: (() => void) | undefined;
  readonly #loop: LoopTime;
  readonly #budget: TurnBudget;

  /** Takes over from amqplib, on an open connection. */
  constructor(connection: ChannelModel, loop = new LoopTime()) {
    const inside = receiving(connection);
    this.#inside = inside;
    this.#loop = loop;
    this.#budget = new TurnBudget(loop, Number.POSITIVE_INFINITY, lookEachBytes);
    this.#gate = ReadGate.of(inside.stream._handle);
    this.#mainAccept = inside.accept;
    const { rest } = inside;
    if (rest.byteLength > 0) {
      inside.rest = nothing;
      this.#received(rest);
    }
    receiveFrom(inside.stream, this.#received, this.#ended);
  }

  /**
   * From now on, reading pauses between reads while nothing but deliveries on this channel comes, and these may wait. Returns undefined if
   * the socket cannot be paused.
   */
  coalesceReads(options: CoalescingOptions): ReadCoalescing | undefined {
    if (this.#gate === undefined) return undefined;
    this.#coalescing = new ReadCoalescing(this.#gate, options);
    return this.#coalescing;
  }

  readonly #received = (chunk: Buffer): void => {
    this.#inside.recvSinceLastCheck = true;
    this.#parts.push(chunk);
    this.#partBytes += chunk.byteLength;
    this.#unsaidBytes += chunk.byteLength;
    if (this.#later !== undefined) return;
    if (this.#work()) this.#gate?.pause();
    else this.#allRead();
  };

  readonly #ended = (tell: () => void): void => {
    if (this.#later === undefined) tell();
    else this.#tellEnd = tell;
  };

  readonly #goOn = (): void => {
    this.#later = undefined;
    if (this.#work()) return;
    this.#gate?.resume();
    this.#allRead();
    this.#tellEnd?.();
  };

  /** Handles frames for one turn. Returns whether more of them wait for the next one. */
  #work(): boolean {
    try {
      if (this.#partBytes < this.#neededBytes || !this.#take()) return false;
    } catch (error) {
      this.#inside.emit("frameError", error);
      return false;
    }
    this.#later = setImmediate(this.#goOn);
    return true;
  }

  #allRead(): void {
    const bytes = this.#unsaidBytes;
    this.#unsaidBytes = 0;
    try {
      this.#coalescing?.read(bytes);
    } catch (error) {
      // What came last may have closed the channel on which this acknowledges.
      this.#inside.emit("frameError", error);
    }
  }

  /** Handles what is complete, for a while. Returns whether its time was over before that. */
  #take(): boolean {
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    const end = bytes.byteLength;
    this.#budget.start(this.#gate === undefined ? undefined : this.#loop.share(turnMs));
    let at = 0;
    let isLate = false;
    this.#neededBytes = frameHeadBytes;
    while (end - at >= frameOverhead && !isLate) {
      const next = this.#frame(bytes, at, end);
      if (next === at) break;
      isLate = !this.#budget.goesOn(next - at);
      at = next;
    }
    this.#parts = at === end ? [] : [bytes.subarray(at)];
    this.#partBytes = end - at;
    return isLate && this.#partBytes >= frameOverhead;
  }

  /** Handles the frame, or the delivery, that begins at `at`. Returns where the next one begins; `at` if this one is incomplete. */
  #frame(bytes: Buffer, at: number, end: number): number {
    const { maxFrameSize } = this.#inside;
    const sizeBytes = bytes.readUInt32BE(at + frameSizeAt);
    if (maxFrameSize > 0 && sizeBytes > maxFrameSize)
      throw new Error(`Frame size ${sizeBytes} exceeds maxFrameSize ${maxFrameSize}`);
    const next = at + frameOverhead + sizeBytes;
    if (next > end) {
      this.#neededBytes = next - at;
      return at;
    }
    if (bytes[next - 1] !== frameEnd) throw new Error("Invalid frame");
    if (bytes[at] !== frameHeartbeat) this.#coalescing?.came(bytes.readUInt16BE(at + 1));
    if (
      bytes[at] === frameMethod &&
      sizeBytes >= 4 &&
      bytes.readUInt32BE(at + frameHeadBytes) === basicDeliver
    ) {
      const after = this.#delivery(bytes, at, next, end);
      if (after > 0) return after;
    }
    this.#pass(bytes.subarray(at, next));
    return next;
  }

  /** Passes a frame to amqplib. */
  #pass(frame: Buffer): void {
    const inside = this.#inside;
    inside.rest = frame;
    inside.accept(inside.recvFrame());
  }

  /** Dispatches the delivery that begins at `at`. Returns where it ends; 0 if it is incomplete, or not as simple as most. */
  #delivery(bytes: Buffer, at: number, headerAt: number, end: number): number {
    const inside = this.#inside;
    if (end - headerAt < frameHeadBytes + flagsAt + 2 || bytes[headerAt] !== frameHeader) return 0;
    const number = bytes.readUInt16BE(at + 1);
    const bodyAt = headerAt + frameOverhead + bytes.readUInt32BE(headerAt + frameSizeAt);
    if (bodyAt > end || bytes[bodyAt - 1] !== frameEnd || bytes.readUInt16BE(headerAt + 1) !== number)
      return 0;
    // Only the lower half of the size: larger bodies come in several frames anyway.
    const bodyBytes = bytes.readUInt32BE(headerAt + frameHeadBytes + 8);
    if (bytes.readUInt32BE(headerAt + frameHeadBytes + 4) !== 0) return 0;
    let after = bodyAt;
    if (bodyBytes > 0) {
      after = bodyAt + frameOverhead + bodyBytes;
      if (
        after > end ||
        bytes[bodyAt] !== frameBody ||
        bytes.readUInt32BE(bodyAt + frameSizeAt) !== bodyBytes
      )
        return 0;
      if (bytes[after - 1] !== frameEnd || bytes.readUInt16BE(bodyAt + 1) !== number) return 0;
    }
    const channel = inside.accept === this.#mainAccept ? inside.channels[number]?.channel : undefined;
    if (channel === undefined || Object.hasOwn(channel, "accept")) return 0;
    const start = bodyAt + frameHeadBytes;
    const properties = readProperties(bytes, headerAt + frameHeadBytes + flagsAt, bodyAt - 1);
    if (properties === undefined) return 0;
    this.#dispatch(channel, bytes, at + frameHeadBytes + 4, {
      properties,
      content: bodyBytes === 0 ? nothing : bytes.subarray(start, start + bodyBytes),
    });
    return after;
  }

  #dispatch(
    channel: ReceivingChannel,
    bytes: Buffer,
    fieldsAt: number,
    { properties, content }: { readonly properties: object; readonly content: Buffer },
  ): void {
    let at = fieldsAt;
    const tagBytes = bytes[at]!;
    const consumerTag = bytes.toString("utf8", at + 1, at + 1 + tagBytes);
    at += 1 + tagBytes;
    const deliveryTag = bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
    const redelivered = bytes[at + 8] === 1;
    at += 9;
    const exchangeBytes = bytes[at]!;
    const exchange = bytes.toString("utf8", at + 1, at + 1 + exchangeBytes);
    at += 1 + exchangeBytes;
    const routingKey = bytes.toString("utf8", at + 1, at + 1 + bytes[at]!);
    const fields = { consumerTag, deliveryTag, redelivered, exchange, routingKey };
    try {
      channel.emit("delivery", { fields, properties, content });
    } catch (error) {
      // amqplib does the same.
      channel.closeWithError(undefined, "Error while processing message", internalError, error);
    }
  }
}
