/** Thrown if a handler's answer cannot be sent. */
export class UnusableAnswer extends Error {
  override readonly name = "UnusableAnswer";
}
