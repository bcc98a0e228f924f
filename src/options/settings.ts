import { withoutPassword } from "../redact.ts";
import type { Option } from "./kinds/option.ts";
import { withoutUnit } from "./names.ts";
import { type OptionName, type Options, optionTable } from "./table.ts";

/** The options that differ from their defaults and matter for the role, for the log: written as flags, without passwords. */
export function settingsOf(options: Options): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {};
  for (const name of Object.keys(optionTable) as OptionName[]) {
    const { kind, default: fallback, roles } = optionTable[name] as unknown as Option<unknown>;
    const value: unknown = options[name];
    if (value === undefined || !roles.includes(options.role)) continue;
    const shown = kind.show(value);
    if (fallback === undefined || kind.show(fallback) !== shown)
      settings[withoutUnit(name)] = withoutPassword(shown);
  }
  return settings;
}
