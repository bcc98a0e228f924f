import { bashScript } from "./completion/bash.ts";
import type { Flag } from "./completion/command-line.ts";
import { type CommandUsage, commands, type Shell } from "./completion/commands.ts";
import { fishScript } from "./completion/fish.ts";
import { zshScript } from "./completion/zsh.ts";
import { type Option, roles } from "./kinds/option.ts";
import { flagOf } from "./names.ts";
import { type OptionName, optionTable } from "./table.ts";

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };

/**
 * A script that makes the shell complete Warren's commands, flags and their values.
 *
 * @param usages of the commands that have flags of their own
 */
export function completionFor(shell: Shell, usages: readonly CommandUsage[]): string {
  const ofRoles = (Object.keys(optionTable) as OptionName[]).map((name) => {
    const { kind, meaning, roles: of } = optionTable[name] as unknown as Option<unknown>;
    const { placeholder } = kind;
    return {
      flag: flagOf(name),
      meaning: meaning.replaceAll("`", ""),
      values: /^[a-z0-9]+(\|[a-z0-9]+)+$/.test(placeholder) ? placeholder.split("|") : [],
      takesFile: placeholder === "FILE",
      takesValue: placeholder !== "",
      roles: of,
    };
  });
  const withActions = usages.map(({ name, actions, flags }) => ({
    name,
    actions,
    flags: Object.entries(flags).map(([word, { type }]): Flag => {
      const flag = `--${word}`;
      // Flags for RabbitMQ's address are the same as for roles.
      const same = word.startsWith("broker") ? ofRoles.find((each) => each.flag === flag) : undefined;
      return same ?? { flag, meaning: "", values: [], takesFile: false, takesValue: type === "string" };
    }),
  }));
  return scripts[shell]({ commands, ofRoles, roles, withActions });
}
