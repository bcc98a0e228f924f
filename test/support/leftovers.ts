/**
 * Removes everything that a test process has started or written when that process ends: normally, by Ctrl-C, or by SIGKILL. No exit handler
 * can guarantee that, so a shell waits for the end of its standard input, which the system closes. Then it kills and removes everything
 * that is still on its list.
 */
const janitor = `
trap '' INT TERM HUP
while read -r verb kind what; do
  case "$verb $kind" in
    "+ process") processes="$processes $what " ;;
    "- process") processes=$(printf %s "$processes" | sed "s/ $what / /") ;;
    "+ folder") folders="$folders $what " ;;
    "- folder") folders=$(printf %s "$folders" | sed "s| $what | |") ;;
  esac
done
for process in $processes; do kill -KILL "-$process" "$process"; done
[ -z "$processes" ] || sleep 0.2
for folder in $folders; do rm -rf "$folder"; done
`;

let janitorsInput: Bun.FileSink | undefined;

function tell(line: string): void {
  janitorsInput ??= startJanitor();
  janitorsInput.write(`${line}\n`);
  janitorsInput.flush();
}

function startJanitor(): Bun.FileSink {
  const child = Bun.spawn(["/bin/sh", "-c", janitor], {
    detached: true,
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
  });
  child.unref();
  return child.stdin;
}

/** Kills the process, and its group if it leads one, when this process ends. Undone by `forgetProcess`. */
export function killAtExit(pid: number): void {
  tell(`+ process ${pid}`);
}

/** Call this when the process has ended, since its id may be reused. */
export function forgetProcess(pid: number): void {
  tell(`- process ${pid}`);
}

/** Removes the folder when this process ends. Its path has no spaces in it. Undone by `forgetFolder`. */
export function removeAtExit(folder: string): void {
  if (/\s/.test(folder)) throw new Error(`a folder for tests must have no spaces in its path: ${folder}`);
  tell(`+ folder ${folder}`);
}

export function forgetFolder(folder: string): void {
  tell(`- folder ${folder}`);
}
