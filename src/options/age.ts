import { reasonOf, UsageError } from "../errors.ts";
import { span } from "./kinds.ts";

const age = span(0, 10 * 365 * 86_400_000);

/**
 * How old something is, as a command's flag says it: `2h`, `30d`. In milliseconds, 0 to ten years.
 *
 * @throws UsageError that names the flag
 */
export function ageIn(flag: string, text: string): number {
  try {
    return age.parse(text);
  } catch (error) {
    throw new UsageError(`${flag} ${JSON.stringify(text)}: ${reasonOf(error)}`);
  }
}
