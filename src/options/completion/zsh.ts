import type { CommandLine, Flag } from "./command-line.ts";
import { shells } from "./commands.ts";

/** The script that `source <(warren completion zsh)` reads. */
export function zshScript({ commands, ofRoles, roles, withActions }: CommandLine): string {
  const described = Object.entries(commands).map(([name, what]) => `    '${name}:${quoted(what)}'`);
  const last = ["'--help[print all options]'", "'--version[print the version]'"];
  const forRoles = roles.map((role) => {
    const flags = ofRoles.filter(({ roles: of }) => of.includes(role)).map(specOf);
    return caseOf(role, 1, [...flags, ...last]);
  });
  const forCommands = withActions.map(({ name, actions, flags }) => {
    const first = `if (( CURRENT == 3 )) && [[ $words[3] != -* ]]; then _values action ${actions.join(" ")}; return; fi`;
    return caseOf(name, 2, flags.map(specOf), first);
  });
  return `#compdef warren
# zsh: source <(warren completion zsh)
_warren() {
  local command=all
  local -a commands flags
  commands=(
${described.join("\n")}
  )
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe command commands
    return
  fi
  [[ $words[2] == -* ]] || command=$words[2]
  case $command in
${[...forRoles, ...forCommands].join("\n")}
    (completion) _values shell ${shells.join(" ")}; return ;;
    (*) return ;;
  esac
  _arguments -s $flags
}
compdef _warren warren
`;
}

/** @param words how many words come before the flags: the command, and its action */
function caseOf(command: string, words: number, specs: readonly string[], first?: string): string {
  // Without a command, options are for the role all.
  const shift = `shift ${words} words; (( CURRENT -= ${words} ))`;
  const skip = command === "all" ? `if [[ $words[2] != -* ]]; then ${shift}; fi` : shift;
  return [
    `    (${command})`,
    ...(first === undefined ? [] : [`      ${first}`]),
    `      ${skip}`,
    `      flags=(${specs.join(" ")}) ;;`,
  ].join("\n");
}

function specOf({ flag, meaning, values, takesFile, takesValue }: Flag): string {
  const said = meaning === "" ? "" : `[${quoted(meaning)}]`;
  const taken = takesFile ? ":file:_files" : values.length > 0 ? `:value:(${values.join(" ")})` : ":value:";
  return `'${flag}${said}${takesValue ? taken : ""}'`;
}

/** Escapes characters with a meaning for `_arguments`, and then those that would end the shell's quotes. */
function quoted(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, "\\$&").replaceAll("'", "'\\''");
}
