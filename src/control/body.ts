import { refused } from "./refusal.ts";

/**
 * Reads the body of a request, and no more of it than it may have: a larger one is refused as soon as that shows, whatever length it
 * announces.
 *
 * @param bytesMax how much it may have, in bytes
 * @param limit the limit's name, for the one that sent too much
 * @returns the body, or the answer to a request whose body is not taken
 */
export async function bodyOf(request: Request, bytesMax: number, limit: string): Promise<Buffer | Response> {
  const tooLarge = () => closing(refused(413, `the body has more than ${limit}`));
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) return tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of request.body ?? []) {
      length += chunk.byteLength;
      if (length > bytesMax) return tooLarge();
      chunks.push(chunk);
    }
  } catch {
    // The program has gone, or its body is malformed.
    return closing(refused(400, "the body could not be read"));
  }
  return Buffer.concat(chunks);
}

/** What is left of the body is not read. */
function closing(response: Response): Response {
  response.headers.set("connection", "close");
  return response;
}
