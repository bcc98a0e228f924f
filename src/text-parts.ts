/**
 * Splits a list of names so that each part takes at most `bytesMax` in JSON. There is at least one part, and a part has at least one name
 * if there are any.
 *
 * @param bytesMax in bytes; text counts in characters
 */
export function inParts(names: Iterable<string>, bytesMax: number): string[][] {
  let part: string[] = [];
  const parts = [part];
  let bytes = 0;
  for (const name of names) {
    // This counts quotes and a comma. Other characters than ASCII may take three bytes per unit, and control characters six.
    const own = name.length + 3;
    if (bytes > 0 && bytes + own > bytesMax) {
      part = [];
      parts.push(part);
      bytes = 0;
    }
    part.push(name);
    bytes += own;
  }
  return parts;
}
