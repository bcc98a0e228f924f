/** A handler has answered with what cannot be sent. */
export class UnusableAnswer extends Error {
  override readonly name = "UnusableAnswer";
}
