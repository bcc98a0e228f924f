/**
 * The text with the password of every URL in it replaced, fit for logs and error messages. A password that should have
 * been percent-encoded (it has a slash, a comma, a space, an @) is replaced too: up to the last @ before the next URL. So is
 * what a client's URL has as its token.
 */
export function withoutPassword(text: string): string {
  return withoutToken(
    text.replaceAll(/(\w+:\/\/[^\s:/@,]*):(?:(?!(?:amqp|ws|http)s?:\/\/).)*@/gs, "$1:***@"),
  );
}

function withoutToken(text: string): string {
  return text.replaceAll(/([?&]token=)[^&#\s]*/g, "$1***");
}
