import { closing } from "../../http-body.ts";
import { fault, later } from "./answers.ts";

/** What bodies may take. */
export interface BodyLimits {
  /** The largest body, in bytes. */
  readonly maxMessageBytes: number;
  /** How long a body may take, in milliseconds. */
  readonly messageTimeoutMs: number;
  /** What may be kept of all that are being read, in bytes. */
  readonly keptBytesMax: number;
  /** Is told of what is kept from now on, in bytes. */
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
 * Reads the bodies of requests: none is larger than it may be, or takes longer. What counts is what has come, not what a request
 * says that will come; when all together have too much, the one with the most is not read any further.
 */
export class Bodies {
  readonly #limits: BodyLimits;
  readonly #readings = new Set<Reading>();
  /** What has come of those that are being read. In bytes. */
  keptBytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /** The manager stops: none is read to its end. */
  close(): void {
    for (const { stop } of [...this.#readings]) stop("stopping");
  }

  /** The body, or the answer to a request whose body is not taken. */
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
      // The client has gone, or its body is malformed.
      return closing(fault(400, "the body could not be read"));
    } finally {
      clearTimeout(timer);
      this.#forget(reading);
    }
  }

  #forget(reading: Reading): void {
    if (this.#readings.delete(reading)) this.keptBytes -= reading.bytes;
  }

  /** Undefined if there are more than a message may have. */
  async #bytesOf({ body }: Request, reading: Reading): Promise<Buffer | undefined> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of body ?? []) {
      // It may have been stopped meanwhile: nobody waits for the rest.
      if (!this.#readings.has(reading)) return undefined;
      length += chunk.byteLength;
      if (length > this.#limits.maxMessageBytes) return undefined;
      chunks.push(chunk);
      this.#keep(reading, chunk.byteLength);
    }
    return chunks.length === 1 ? Buffer.from(chunks[0]!) : Buffer.concat(chunks);
  }

  /** Notes that more has come, in bytes. */
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
