import type { CommandLine, Flag } from "./command-line.ts";
import { shells } from "./commands.ts";

/** The script that `warren completion fish | source` reads. */
export function fishScript({ commands, ofRoles, withActions }: CommandLine): string {
  const lines = [
    ...Object.entries(commands).map(
      ([name, what]) => `complete -c warren -n __fish_use_subcommand -a ${name} -d '${quoted(what)}'`,
    ),
    `complete -c warren -n '__warren_is completion' -a '${shells.join(" ")}'`,
    ...withActions.map(
      ({ name, actions }) =>
        `complete -c warren -n '__warren_is ${name}; and __warren_has_no_action' -a '${actions.join(" ")}'`,
    ),
    ...ofRoles.map((flag) => lineFor(flag, flag.roles)),
    ...withActions.flatMap(({ name, flags }) => flags.map((flag) => lineFor(flag, [name]))),
  ];
  return `# fish: warren completion fish | source
function __warren_is
  set -l words (commandline -opc)
  set -l command all
  if set -q words[2]; and not string match -q -- '-*' $words[2]
    set command $words[2]
  end
  contains -- $command $argv
end
function __warren_has_no_action
  test (count (commandline -opc)) -eq 2
end
complete -c warren -f
${lines.join("\n")}
complete -c warren -s h -l help -d 'print all options'
complete -c warren -s v -l version -d 'print the version'
`;
}

function lineFor({ flag, meaning, values, takesFile, takesValue }: Flag, of: readonly string[]): string {
  const taken = takesFile
    ? " -r -F"
    : values.length > 0
      ? ` -x -a '${values.join(" ")}'`
      : takesValue
        ? " -x"
        : "";
  const said = meaning === "" ? "" : ` -d '${quoted(meaning)}'`;
  return `complete -c warren -n '__warren_is ${of.join(" ")}' -l ${flag.slice(2)}${taken}${said}`;
}

function quoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
}
