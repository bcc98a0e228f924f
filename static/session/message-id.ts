/** Who published a message, as far as its id tells. */
export type Maker =
  | { readonly is: "client" }
  /** `question` is what `questionIn` says of the id of the message that it answers. */
  | { readonly is: "processor"; readonly question: string }
  | { readonly is: "unknown" };

/** The id of what a client sent: its manager numbers it, or makes an id of the idempotency key. No client can set one. */
const clients = /^(?:manager(?:-[^-/]+)*-\d+|once-[\w-]{22}(?:-[0-9a-z]+){3})$/;
/** The id of an answer: that of the message that it answers, the group, and a number. */
const answers = /^((?:manager|processor|once)-[^/]+)\/[^/]+\/\d+$/;
const withKey = /^once-[\w-]{22}-[0-9a-z]+/;

/** Reads a message's id. */
export function makerOf(id: string | undefined): Maker {
  if (id === undefined) return { is: "unknown" };
  if (clients.test(id)) return { is: "client" };
  const asked = answers.exec(id)?.[1];
  return asked === undefined ? { is: "unknown" } : { is: "processor", question: questionIn(asked) };
}

/**
 * What is the same in a message's id and in those of its answers. Where it has an idempotency key, that is not all of it: the end says
 * when a manager took it, and two may have.
 */
export function questionIn(id: string): string {
  return withKey.exec(id)?.[0] ?? id;
}
