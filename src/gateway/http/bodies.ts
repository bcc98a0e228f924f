import { fault, later } from "./answers.ts";

export interface BodyLimits {
  /** In bytes. */
  readonly maxMessageBytes: number;
  /** How long a body may take, in milliseconds. */
  readonly messageTimeoutMs: number;
  /** What may be kept of all that are being read, in bytes. */
  readonly keptBytesMax: number;
  /** Is told of what is kept from now on, in bytes. */
  kept(bytes: number): void;
}

/** Reads the bodies of requests: none is larger than it may be, takes longer, or has room taken that others need. */
export class Bodies {
  readonly #limits: BodyLimits;
  readonly #readers = new Set<() => void>();
  /** What is set aside for those that are being read. In bytes. */
  keptBytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /** The manager stops: none is read to its end. */
  close(): void {
    for (const stop of [...this.#readers]) stop();
  }

  /** The body, or the answer to a request whose body is not taken. */
  async read(request: Request): Promise<Buffer | Response> {
    const { maxMessageBytes, messageTimeoutMs, keptBytesMax, kept } = this.#limits;
    const declared = request.headers.get("content-length");
    if (declared !== null && Number(declared) > maxMessageBytes) return tooLarge(maxMessageBytes);
    // Without a length it may be as long as any.
    const reservedBytes = declared === null ? maxMessageBytes : Number(declared);
    if (this.keptBytes + reservedBytes > keptBytesMax)
      return closing(
        later(503, "the manager reads as many bodies as it has memory for: send it again in a moment", 1000),
      );
    this.keptBytes += reservedBytes;
    kept(reservedBytes);
    const end = Promise.withResolvers<"late" | "stopping">();
    const timer = setTimeout(() => end.resolve("late"), messageTimeoutMs);
    const stop = () => end.resolve("stopping");
    this.#readers.add(stop);
    try {
      const read = await Promise.race([bytesOf(request, maxMessageBytes), end.promise]);
      if (read === "stopping") return closing(later(503, "this manager is stopping: send it again", 1000));
      if (read === "late")
        return closing(
          fault(408, `the body was not whole within ${messageTimeoutMs / 1000} s: send it faster`),
        );
      return read ?? tooLarge(maxMessageBytes);
    } catch {
      // The client has gone, or its body is malformed.
      return closing(fault(400, "the body could not be read"));
    } finally {
      clearTimeout(timer);
      this.#readers.delete(stop);
      this.keptBytes -= reservedBytes;
    }
  }
}

/** Undefined if there are more than `bytesMax`. */
async function bytesOf(request: Request, bytesMax: number): Promise<Buffer | undefined> {
  if (request.headers.has("content-length")) {
    const bytes = Buffer.from(await request.arrayBuffer());
    return bytes.byteLength > bytesMax ? undefined : bytes;
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(bytesMax: number): Response {
  return closing(
    fault(413, `the body has more than ${bytesMax} bytes (--max-message-bytes): send smaller messages`),
  );
}

/** What is left of the body is not read. */
function closing(response: Response): Response {
  response.headers.set("connection", "close");
  return response;
}
