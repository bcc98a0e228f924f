import { isOnceAnswer } from "../envelope/once-id.ts";

/** Whether a manager or processor made the id: `manager-0123456789ab-7`, or `manager-0123456789ab-b1-7` for a sender with a line of its own. */
export function isWarrens(id: string): boolean {
  const at = endOfName(id);
  return at > 0 && /^(?:[a-z]+-)?(?:b\d+-)?\d+$/.test(id.slice(at));
}

/** Whether a processor made the id for an answer: `manager-0123456789ab-7/GROUP/1`. */
export function isWarrensAnswer(id: string): boolean {
  const at = endOfName(id);
  return at > 0 ? id.indexOf("/", at) > at : isOnceAnswer(id);
}

const hexDigits = 12;
const dash = 0x2d;

/**
 * Where the number begins, after the process's name; 0 if there is no such name. Written without a regular expression, since it runs for
 * every answer.
 */
function endOfName(id: string): number {
  const start = id.startsWith("manager-") ? 8 : id.startsWith("processor-") ? 10 : 0;
  const end = start + hexDigits;
  if (start === 0 || id.charCodeAt(end) !== dash) return 0;
  for (let at = start; at < end; at++) {
    const unit = id.charCodeAt(at);
    const isHex = (unit >= 0x30 && unit <= 0x39) || (unit >= 0x61 && unit <= 0x66);
    if (!isHex) return 0;
  }
  return end + 1;
}
