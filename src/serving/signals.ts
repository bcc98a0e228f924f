import type { Manager } from "../manager/manager.ts";
import { levels, type StreamLogger } from "../ops/logger.ts";
import type { Options } from "../options/table.ts";

/** Resolves at the first SIGTERM or SIGINT; the second one ends the process at once. */
export function stopSignal(): Promise<string> {
  const first = Promise.withResolvers<string>();
  let isStopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(signal === "SIGINT" ? 130 : 143);
      isStopping = true;
      first.resolve(signal);
    });
  }
  return first.promise;
}

/** Each SIGUSR2 selects the next log level: info, debug, error, warn, info. Windows has no such signal. */
export function changeLevelOnSignal(logger: StreamLogger): void {
  if (process.platform === "win32") return;
  process.on("SIGUSR2", () => logger.changeLevel(levels.at(levels.indexOf(logger.level) - 1)!));
}

/** If there are no files to reload, SIGHUP ends the process, as it does by default. */
export function reloadOnHangUp(
  manager: Manager,
  {
    tlsCert,
    jwtSecretFile,
    jwtPublicKeyFile,
  }: Pick<Options, "tlsCert" | "jwtSecretFile" | "jwtPublicKeyFile">,
): void {
  if (tlsCert ?? jwtSecretFile ?? jwtPublicKeyFile) process.on("SIGHUP", () => void manager.reload());
}
