/** " (did you mean WORD?)" if a known word is similar; empty if none is, or if the word is known. */
export function suggestion(given: string, known: Iterable<string>): string {
  const near = nearest(given, known);
  return near === undefined || near === given ? "" : ` (did you mean ${near}?)`;
}

/** The known word with the fewest edits, at most two and fewer than it has letters; undefined if there is none. */
export function nearest(given: string, known: Iterable<string>): string | undefined {
  const best = [...known]
    .map((word) => ({ word, distance: editDistance(given, word) }))
    .reduce((least, next) => (next.distance < least.distance ? next : least));
  return best.distance <= Math.min(2, given.length - 1) ? best.word : undefined;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
