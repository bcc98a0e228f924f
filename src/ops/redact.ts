/** The text with the password of every URL in it replaced, fit for logs and error messages. */
export function withoutPassword(text: string): string {
  return text.replaceAll(/(\w+:\/\/[^\s:/@,]*):[^\s/,]*@/g, "$1:***@");
}
