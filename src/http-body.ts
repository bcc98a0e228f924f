/**
 * Reads the body of a request or a response, up to a limit. A larger one is dropped as soon as that shows, whatever length it announces.
 *
 * @param bytesMax the largest body, in bytes
 * @returns undefined if the body is larger
 * @throws whatever ends it before it is complete
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

/** Makes an answer after which the rest of the request's body is not read. */
export function closing(response: Response): Response {
  response.headers.set("connection", "close");
  return response;
}
