import { version } from "../version.ts";
import { type CommandUsage, commands } from "./completion/commands.ts";
import type { Option } from "./kinds/option.ts";
import { flagOf, variableOf } from "./names.ts";
import { sections } from "./table.ts";

/**
 * The manual page, `warren(1)`, in the language of `man`.
 *
 * @param usages of the commands that have flags of their own
 */
export function manual(usages: readonly CommandUsage[]): string {
  const lines = [
    `.TH WARREN 1 "" "warren ${version}" "User Commands"`,
    ".SH NAME",
    "warren \\- a WebSocket gateway for RabbitMQ",
    ".SH SYNOPSIS",
    ".B warren",
    "[\\fICOMMAND\\fR] [\\fIOPTION\\fR]...",
    ".SH DESCRIPTION",
    "Browsers and devices connect to a manager over WebSocket; RabbitMQ carries what they say to processors, and what",
    "processors answer back to them. Without a command, one process is manager and processor with a broker of its own:",
    "open http://127.0.0.1:8000.",
    ".SH COMMANDS",
    ...Object.entries(commands).flatMap(([name, what]) => [".TP", `.B ${roff(name)}`, `${roff(what)}.`]),
  ];
  for (const { name, help } of usages)
    lines.push(`.SS warren ${roff(name)}`, ".nf", ...help.trimEnd().split("\n").map(roff), ".fi");
  for (const [section, options] of Object.entries(sections)) {
    lines.push(`.SH ${roff(section.toUpperCase())}`);
    for (const [name, option] of Object.entries<Option<unknown>>(options)) {
      const fallback = option.default === undefined ? (option.unset ?? "") : option.kind.show(option.default);
      lines.push(
        ".TP",
        `.BR ${roff(flagOf(name))} " \\fI${roff(option.kind.placeholder)}\\fR"`,
        `${sentence(option.meaning)} Default: ${roff(fallback.replaceAll("`", ""))}.`,
      );
    }
  }
  lines.push(
    ".SH ENVIRONMENT",
    `Every option is an environment variable too: \\fB${roff(flagOf("broker"))}\\fR is \\fB${variableOf("broker")}\\fR. Flags win.`,
    ".SH SIGNALS",
    ".TP",
    '.BR SIGTERM ", SIGINT"',
    "Stops gracefully, within about \\fB\\-\\-stop\\-timeout\\fR; a second one stops at once.",
    ".TP",
    ".B SIGHUP",
    "Reads the files of certificates and of keys for tokens again. Without any, it ends the process.",
    ".TP",
    ".B SIGUSR2",
    "Changes the log level to the next more talkative one, and from debug to error.",
    ".SH EXIT STATUS",
    "0: stopped as asked. 1: a fault that no retry can mend (bench: messages lost). 2: a usage error.",
    "",
  );
  return lines.join("\n");
}

/** What begins with a name or a value keeps it as it is. */
function sentence(text: string): string {
  const begun = /^[a-z]/.test(text) ? `${text.slice(0, 1).toUpperCase()}${text.slice(1)}` : text;
  return `${roff(begun.replaceAll("`", ""))}.`;
}

/** Escapes what `man` would read as a command of its own. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&").replaceAll("…", "...");
}
