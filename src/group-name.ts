const pattern = /^[\w.:-]{1,200}$/;
/** Warren keeps its message log, its dead letters and other things under these names. */
const takenNames: readonly string[] = ["log", "dead", "groups", "revoked", "events.log"];

/** What is wrong with the name of a processor group; undefined if nothing is. */
export function groupNameFault(name: string): string | undefined {
  if (!pattern.test(name)) return "must be 1 to 200 letters, digits, dots, colons, hyphens or underscores";
  if (takenNames.includes(name))
    return "must be another name: Warren keeps something of its own under this one";
  return undefined;
}
