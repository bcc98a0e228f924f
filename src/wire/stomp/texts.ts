/** Decodes bytes between two places. Bun has them as Node has, and neither's types name them. */
interface Slices {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

/** A power of two. */
const slotCount = 2048;
/** Longer texts are hardly ever seen twice. */
const seenBytesMax = 64;

/** What `hashOf` begins with, and what each byte multiplies it with: FNV-1a. */
export const hashBegin = 0x811c9dc5 | 0;
/** What each byte multiplies the hash with. */
export const hashPrime = 0x01000193;

/**
 * Makes texts of bytes, each of its own bytes alone: a text that is cut from another one keeps all of that in memory.
 *
 * Names, and many values, are the same in most frames. Those are found by a hash of their bytes, and are not made again. A text
 * that is new takes the place of another one, so that at most some 200 KB are kept.
 */
export class Texts {
  readonly #seen: string[] = new Array<string>(slotCount).fill("");

  /** @param hash of these bytes, which are ASCII */
  ascii(bytes: Buffer, start: number, end: number, hash: number): string {
    const length = end - start;
    if (length > seenBytesMax) return (bytes as unknown as Slices).latin1Slice(start, end);
    const slot = (hash ^ (hash >>> 15)) & (slotCount - 1);
    const seen = this.#seen[slot]!;
    if (seen.length === length && isAt(seen, bytes, start)) return seen;
    const text = (bytes as unknown as Slices).latin1Slice(start, end);
    this.#seen[slot] = text;
    return text;
  }
}

function isAt(text: string, bytes: Buffer, start: number): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}

/** The text of well-formed UTF-8 between two places. */
export function utf8(bytes: Buffer, start: number, end: number): string {
  return (bytes as unknown as Slices).utf8Slice(start, end);
}

/** Returns the same text in memory of its own: one that was cut from another and is to be kept would keep that. */
export function own(text: string): string {
  const bytes = Buffer.from(text);
  return utf8(bytes, 0, bytes.byteLength);
}
