import { type CloseCode, closeCodes } from "../close-codes.ts";
import { type Frame, frameText, type Header, unescapeHeader, type Version } from "./frames.ts";

/** What faults are of, as `warren_stomp_errors_total` counts them: one of the limits, the token, a message that RabbitMQ
 * did not take, or else what a frame says. */
export const faultReasons = [
  "frame",
  "messageSize",
  "headerCount",
  "headerSize",
  "subscriptions",
  "transactions",
  "connectTime",
  "messageTime",
  "heartBeat",
  "token",
  "setAside",
  "idempotencyKey",
] as const;

/** The reason of a fault, for metrics. */
export type FaultReason = (typeof faultReasons)[number];

/** Something that a client did wrong. It becomes the ERROR frame, after which the connection is closed. */
export class StompFault extends Error {
  override readonly name = "StompFault";
  readonly reason: FaultReason;
  /** The receipt that the faulty frame asked for; undefined if there is none. */
  receipt: string | undefined;
  /** How the connection is closed. */
  readonly close: CloseCode;
  /** Headers of the ERROR frame besides the usual ones. */
  readonly headers: readonly Header[];

  constructor(
    message: string,
    more: {
      readonly reason?: FaultReason;
      readonly receipt?: string | undefined;
      readonly close?: CloseCode;
      readonly headers?: readonly Header[];
    } = {},
  ) {
    super(message);
    this.reason = more.reason ?? "frame";
    this.receipt = more.receipt;
    this.close = more.close ?? closeCodes.stompError;
    this.headers = more.headers ?? [];
  }
}

/** The ERROR frame for a fault. */
export function errorText({ message, headers, receipt }: StompFault, version: Version): string {
  const all: Header[] = [["message", message], ...headers, ["content-type", "text/plain"]];
  if (receipt !== undefined) all.push(["receipt-id", receipt]);
  return frameText("ERROR", all, `${message}\n`, version);
}

/**
 * The value of a header that the frame must have.
 *
 * @throws StompFault if it has none
 */
export function required({ command, headers }: Frame, name: string): string {
  const value = headers.get(name);
  if (value === undefined || value === "") throw new StompFault(`${command} needs the header ${name}`);
  return value;
}

/** How much of a faulty frame is searched for its receipt. */
const searchedBytesMax = 128 * 1024;

/** The receipt that a frame with an unreadable head asked for, if it can be found. */
export function receiptIn(frame: Buffer, version: Version): string | undefined {
  const seen = frame.toString("utf8", 0, Math.min(frame.byteLength, searchedBytesMax));
  const [head = ""] = seen.split(/\n\r?\n/, 1);
  const [, receipt] = /\nreceipt:([^\r\n\0]{1,1000})/.exec(head) ?? [];
  return receipt && (unescapeHeader(receipt, version) ?? receipt);
}
