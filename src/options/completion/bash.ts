import type { CommandLine, Flag } from "./command-line.ts";
import { shells } from "./commands.ts";

/** The script that `source <(warren completion bash)` reads. */
export function bashScript({ commands, ofRoles, roles, withActions }: CommandLine): string {
  const all = [...ofRoles, ...withActions.flatMap(({ flags }) => flags)];
  const takers = new Map<string, Flag>(
    all.filter(({ takesValue }) => takesValue).map((each) => [each.flag, each]),
  );
  const values = [...takers.values()].map((flag) => `    ${flag.flag}) ${replyFor(flag)}; return ;;`);
  const wordsOf = (flags: readonly Flag[]) => flags.map(({ flag }) => flag).join(" ");
  const forRoles = roles.map((role) => {
    const flags = ofRoles.filter(({ roles: of }) => of.includes(role));
    return `    ${role}) words="${wordsOf(flags)} --help --version" ;;`;
  });
  const forCommands = withActions.map(
    ({ name, actions, flags }) =>
      `    ${name}) if [ "$COMP_CWORD" -eq 2 ] && [[ $word != -* ]]; then words="${actions.join(" ")}"; else words="${wordsOf(flags)}"; fi ;;`,
  );
  return `# bash: source <(warren completion bash)
_warren() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=all words=
  case $before in
${values.join("\n")}
  esac
  [[ \${COMP_WORDS[1]} == -* || $COMP_CWORD -eq 1 ]] || command=\${COMP_WORDS[1]}
  case $command in
${[...forRoles, ...forCommands].join("\n")}
    completion) words="${shells.join(" ")}" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ] && [[ $word != -* ]]; then
    words="${Object.keys(commands).join(" ")}"
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _warren warren
`;
}

function replyFor({ values, takesFile }: Flag): string {
  if (takesFile) return 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word")';
  if (values.length === 0) return "COMPREPLY=()";
  return `mapfile -t COMPREPLY < <(compgen -W "${values.join(" ")}" -- "$word")`;
}
