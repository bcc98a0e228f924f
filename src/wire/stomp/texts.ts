/** Buffer methods that decode bytes between two positions. Bun has them like Node, but its types do not. */
interface Slices {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

/** A power of two. */
const slotCount = 2048;
/** Longer texts hardly ever repeat. */
const seenBytesMax = 64;

/** The initial value of `hashOf`, and the factor for each byte: FNV-1a. */
export const hashBegin = 0x811c9dc5 | 0;
/** What each byte multiplies the hash with. */
export const hashPrime = 0x01000193;

/**
 * Makes texts from bytes, each with memory of its own: a substring keeps the whole text in memory that it was cut from.
 *
 * Names, and many values, are the same in most frames. They are found by a hash of their bytes, and need not be made again. A new text
 * takes the slot of another one, so at most some 200 KB are kept.
 */
export class Texts {
  readonly #seen: string[] = new Array<string>(slotCount).fill("");

  /** @param hash the hash of these bytes, which are ASCII */
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

/** The text of valid UTF-8 between two positions. */
export function utf8(bytes: Buffer, start: number, end: number): string {
  return (bytes as unknown as Slices).utf8Slice(start, end);
}

/** Returns the same text in memory of its own: a substring would keep the text in memory that it was cut from. */
export function own(text: string): string {
  const bytes = Buffer.from(text);
  return utf8(bytes, 0, bytes.byteLength);
}
