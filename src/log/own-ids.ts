import { isOnceAnswer } from "../envelope/once-id.ts";

/** What a manager or processor numbers: `manager-0123456789ab-7`, or `manager-0123456789ab-b1-7` of a sender that has a line of its own. */
export function isWarrens(id: string): boolean {
  const at = endOfName(id);
  return at > 0 && /^(?:[a-z]+-)?(?:b\d+-)?\d+$/.test(id.slice(at));
}

/** `manager-0123456789ab-7/GROUP/1` */
export function isWarrensAnswer(id: string): boolean {
  const at = endOfName(id);
  return at > 0 ? id.indexOf("/", at) > at : isOnceAnswer(id);
}

const hexDigits = 12;
const dash = 0x2d;

/** Where the number begins after the name of a process of Warren's; 0 if there is none. Every answer is asked, so it is no expression. */
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
