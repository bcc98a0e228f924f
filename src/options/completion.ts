import { type Option, roles } from "./kinds/option.ts";
import { flagOf } from "./names.ts";
import { type OptionName, optionTable } from "./table.ts";

/** Shells that Warren completes its command line in. */
export const shells = ["bash", "zsh", "fish"] as const;
/** One of these shells. */
export type Shell = (typeof shells)[number];

/** Words that may come first, with what they do. */
export const commands: Readonly<Record<string, string>> = {
  manager: "WebSocket clients, in front of RabbitMQ",
  processor: "the work behind it",
  bench: "load a manager and measure",
  "dead-letters": "look at what failed, and put it back",
  groups: "processor groups, those that nobody consumes any more, and their removal",
  completion: "print what makes a shell complete this command line",
  manual: "print the manual page",
  help: "print all options",
  version: "print the version",
};

interface Flag {
  readonly flag: string;
  readonly meaning: string;
  /** The values there are, where they are few. */
  readonly values: readonly string[];
  readonly takesFile: boolean;
  readonly takesValue: boolean;
  readonly roles: readonly string[];
}

/** What the commands with arguments of their own can do. */
const actionsOf: Readonly<Record<string, readonly string[]>> = {
  "dead-letters": ["list", "show", "replay", "purge"],
  groups: ["list", "remove"],
};

const flags: readonly Flag[] = (Object.keys(optionTable) as OptionName[]).map((name) => {
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

/** A script that makes the shell complete Warren's commands, flags and their values. */
export function completionFor(shell: Shell): string {
  return shell === "bash" ? bash() : shell === "zsh" ? zsh() : fish();
}

function flagsOf(role: string): readonly string[] {
  return flags.filter(({ roles: of }) => of.includes(role)).map(({ flag }) => flag);
}

function bash(): string {
  const cases = flags
    .filter(({ takesValue }) => takesValue)
    .map(({ flag, values, takesFile }) => {
      const reply = takesFile
        ? 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word")'
        : values.length > 0
          ? `mapfile -t COMPREPLY < <(compgen -W "${values.join(" ")}" -- "$word")`
          : "COMPREPLY=()";
      return `    ${flag}) ${reply}; return ;;`;
    });
  const ofRoles = roles.map((role) => `    ${role}) flags="${flagsOf(role).join(" ")} --help --version" ;;`);
  const actions = Object.entries(actionsOf).map(
    ([command, words]) =>
      `    ${command}) mapfile -t COMPREPLY < <(compgen -W "${words.join(" ")}" -- "$word"); return ;;`,
  );
  return `# bash: source <(warren completion bash)
_warren() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} role=all flags=
  case $before in
${cases.join("\n")}
    completion) mapfile -t COMPREPLY < <(compgen -W "${shells.join(" ")}" -- "$word"); return ;;
${actions.join("\n")}
  esac
  case \${COMP_WORDS[1]} in manager|processor|bench) role=\${COMP_WORDS[1]} ;; esac
  case $role in
${ofRoles.join("\n")}
  esac
  if [ "$COMP_CWORD" -eq 1 ] && [[ $word != -* ]]; then
    flags="${Object.keys(commands).join(" ")}"
  fi
  mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
}
complete -F _warren warren
`;
}

function zsh(): string {
  // Escapes first what _arguments gives a meaning to, then what would end the shell's quotes.
  const quoted = (text: string) => text.replaceAll(/[[\]:\\]/g, "\\$&").replaceAll("'", "'\\''");
  const specs = flags.map(({ flag, meaning, values, takesFile, takesValue }) => {
    const action = takesFile
      ? ":file:_files"
      : values.length > 0
        ? `:value:(${values.join(" ")})`
        : takesValue
          ? ":value:"
          : "";
    return `    '${flag}[${quoted(meaning)}]${action}'`;
  });
  const described = Object.entries(commands).map(([name, what]) => `    '${name}:${quoted(what)}'`);
  const actions = Object.entries(actionsOf).map(
    ([command, words]) => `  elif [[ $words[2] == ${command} ]]; then\n    _values action ${words.join(" ")}`,
  );
  return `#compdef warren
# zsh: source <(warren completion zsh)
_warren() {
  local -a commands flags
  commands=(
${described.join("\n")}
  )
  flags=(
${specs.join("\n")}
    '--help[print all options]'
    '--version[print the version]'
  )
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe command commands
  elif [[ $words[2] == completion ]]; then
    _values shell ${shells.join(" ")}
${actions.join("\n")}
  else
    [[ $words[2] == -* ]] || { shift words; (( CURRENT-- )) }
    _arguments -s $flags
  fi
}
compdef _warren warren
`;
}

function fish(): string {
  const quoted = (text: string) => text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  const lines = flags.map(({ flag, meaning, values, takesFile, takesValue }) => {
    const value = takesFile
      ? " -r -F"
      : values.length > 0
        ? ` -x -a '${values.join(" ")}'`
        : takesValue
          ? " -x"
          : "";
    return `complete -c warren -l ${flag.slice(2)}${value} -d '${quoted(meaning)}'`;
  });
  return `# fish: warren completion fish | source
complete -c warren -f
${Object.entries(commands)
  .map(([name, what]) => `complete -c warren -n __fish_use_subcommand -a ${name} -d '${quoted(what)}'`)
  .join("\n")}
complete -c warren -n '__fish_seen_subcommand_from completion' -a '${shells.join(" ")}'
${Object.entries(actionsOf)
  .map(
    ([command, words]) =>
      `complete -c warren -n '__fish_seen_subcommand_from ${command}' -a '${words.join(" ")}'`,
  )
  .join("\n")}
${lines.join("\n")}
complete -c warren -s h -l help -d 'print all options'
complete -c warren -s v -l version -d 'print the version'
`;
}
