/**
 * Cuts a list of names where they would take more than `bytesMax` together in JSON. There is at least one part, and a part has at least
 * one name where there are any.
 *
 * @param bytesMax in bytes; of text in characters
 */
export function inParts(names: Iterable<string>, bytesMax: number): string[][] {
  const parts: string[][] = [[]];
  let bytes = 0;
  for (const name of names) {
    // Quotes and a comma come on top. What is not ASCII may take three bytes for each unit, and a control character six.
    const own = name.length + 3;
    if (bytes > 0 && bytes + own > bytesMax) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(name);
    bytes += own;
  }
  return parts;
}
