/** A key file that cannot be used. The message says why, and completes "FILE …". */
export class NotAKey extends Error {
  override readonly name = "NotAKey";
}
