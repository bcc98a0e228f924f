/**
 * Reads the body of a request or an answer, and no more of it than it may have: a larger one is left as soon as that shows, whatever
 * length it announces.
 *
 * @param bytesMax how much it may have, in bytes
 * @returns undefined if it has more
 * @throws whatever ends it before it is whole
 */
export async function bodyUpTo(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.byteLength;
    // Leaving the loop ends the reading.
    if (length > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** An answer after which what is left of the request's body is not read. */
export function closing(response: Response): Response {
  response.headers.set("connection", "close");
  return response;
}
