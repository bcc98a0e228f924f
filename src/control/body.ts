import { bodyUpTo, closing } from "../http-body.ts";
import { refused } from "./refusal.ts";

/**
 * Reads the body of a request to the control API.
 *
 * @param bytesMax the largest body, in bytes
 * @param limit the limit's name, for the answer
 * @returns the body, or the answer to a request whose body is refused
 */
export async function bodyOf(request: Request, bytesMax: number, limit: string): Promise<Buffer | Response> {
  const tooLarge = () => closing(refused(413, `the body has more than ${limit}`));
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) return tooLarge();
  try {
    return (await bodyUpTo(request.body, bytesMax)) ?? tooLarge();
  } catch {
    // The program has gone, or its body is malformed.
    return closing(refused(400, "the body could not be read"));
  }
}
