/**
 * Replaces the password of every URL in the text, for logs and error messages. This includes a password that should have been
 * percent-encoded (with a slash, a comma, a space, or an @): everything up to the last @ before the next URL. The token in a client's URL
 * is replaced too.
 */
export function withoutPassword(text: string): string {
  return withoutToken(
    text.replaceAll(/(\w+:\/\/[^\s:/@,]*):(?:(?!(?:amqp|ws|http)s?:\/\/).)*@/gs, "$1:***@"),
  );
}

function withoutToken(text: string): string {
  return text.replaceAll(/([?&]token=)[^&#\s]*/g, "$1***");
}
