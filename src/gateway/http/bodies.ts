import { closing } from "../../http-body.ts";
import { fault, later } from "./answers.ts";

/** The limits of bodies. */
export interface BodyLimits {
  /** The largest body, in bytes. */
  readonly maxMessageBytes: number;
  /** How long a body may take, in milliseconds. */
  readonly messageTimeoutMs: number;
  /** How much of the bodies that are being read may be kept, in bytes. */
  readonly keptBytesMax: number;
  /** Is told how much is kept from now on, in bytes. */
  kept(bytes: number): void;
}

/** What a body that is being read takes besides its bytes. In bytes. */
const overheadBytes = 2048;

/** Why a body is not read to its end. */
type Stop = "late" | "stopping" | "no room";

/** A body that is being read. */
interface Reading {
  bytes: number;
  readonly stop: (why: Stop) => void;
}

/**
 * Reads the bodies of requests, within limits of size and time. What counts is what has come, not what a request announces. When all bodies
 * together have too much, the largest one is not read any further.
 */
export class Bodies {
  readonly #limits: BodyLimits;
  readonly #readings = new Set<Reading>();
  /** How much has come of the bodies that are being read. In bytes. */
  keptBytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /** The manager is stopping. No body is read any further. */
  close(): void {
    for (const { stop } of [...this.#readings]) stop("stopping");
  }

  /** Returns the body, or the answer to a request whose body is refused. */
  async read(request: Request): Promise<Buffer | Response> {
    const { maxMessageBytes, messageTimeoutMs } = this.#limits;
    const declared = request.headers.get("content-length");
    if (declared !== null && Number(declared) > maxMessageBytes) return tooLarge(maxMessageBytes);
    const end = Promise.withResolvers<Stop>();
    const reading: Reading = { bytes: 0, stop: end.resolve };
    const timer = setTimeout(() => end.resolve("late"), messageTimeoutMs);
    this.#readings.add(reading);
    this.#keep(reading, overheadBytes);
    try {
      const read = await Promise.race([this.#bytesOf(request, reading), end.promise]);
      switch (read) {
        case "stopping":
          return closing(later(503, "this manager is stopping: send it again", 1000));
        case "late":
          return closing(
            fault(408, `the body was not whole within ${messageTimeoutMs / 1000} s: send it faster`),
          );
        case "no room":
          return closing(
            later(503, "the manager has no memory for more of this body: send it again in a moment", 1000),
          );
        default:
          return read ?? tooLarge(maxMessageBytes);
      }
    } catch {
      // The client has gone, or the body is malformed.
      return closing(fault(400, "the body could not be read"));
    } finally {
      clearTimeout(timer);
      this.#forget(reading);
    }
  }

  #forget(reading: Reading): void {
    if (this.#readings.delete(reading)) this.keptBytes -= reading.bytes;
  }

  /** Undefined if there are more bytes than a message may have. */
  async #bytesOf({ body }: Request, reading: Reading): Promise<Buffer | undefined> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of body ?? []) {
      // It may have been stopped meanwhile. Nobody waits for the rest then.
      if (!this.#readings.has(reading)) return undefined;
      length += chunk.byteLength;
      if (length > this.#limits.maxMessageBytes) return undefined;
      chunks.push(chunk);
      this.#keep(reading, chunk.byteLength);
    }
    return chunks.length === 1 ? Buffer.from(chunks[0]!) : Buffer.concat(chunks);
  }

  /** Notes that more bytes have come. */
  #keep(reading: Reading, bytes: number): void {
    if (!this.#readings.has(reading)) return;
    reading.bytes += bytes;
    this.keptBytes += bytes;
    this.#limits.kept(bytes);
    if (this.keptBytes <= this.#limits.keptBytesMax) return;
    let most = reading;
    for (const other of this.#readings) if (other.bytes > most.bytes) most = other;
    this.#forget(most);
    most.stop("no room");
  }
}

function tooLarge(bytesMax: number): Response {
  return closing(
    fault(413, `the body has more than ${bytesMax} bytes (--max-message-bytes): send smaller messages`),
  );
}
