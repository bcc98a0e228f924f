import { isIP } from "node:net";
import { codeOf, FatalError, reasonOf } from "../errors.ts";

/** Only root may listen on ports below this one. */
const privilegedBelow = 1024;

/** Why the manager cannot listen, in words that say what to do. */
export function listenFault(
  error: unknown,
  host: string,
  port: number,
  flags = { host: "--host", port: "--port" },
): FatalError {
  const code = codeOf(error);
  if (String(code).includes("KEY_VALUES_MISMATCH"))
    return new FatalError(
      "--tls-key is not the key of the certificate in --tls-cert: name the one that belongs to it",
    );
  if (String(code).startsWith("ERR_OSSL"))
    return new FatalError(
      "--tls-cert and --tls-key have no certificate and key in PEM format that can be used",
    );
  // Bun 1.4.5 gives a name that has no address the code of whatever failed before, or EADDRINUSE.
  if (isName(host) && !(code === "EACCES" && port > 0 && port < privilegedBelow)) {
    return new FatalError(
      `cannot listen on ${host}:${port}: the name ${host} has no address, or the port is in use; correct ${flags.host} or ${flags.port}`,
    );
  }
  if (code === "EADDRINUSE") {
    return new FatalError(
      `port ${port} on ${host} is in use: stop what uses it, or choose another with ${flags.port} (0 picks a free one)`,
    );
  }
  if (code === "EACCES")
    return new FatalError(`not allowed to listen on port ${port}: choose one above 1023 with ${flags.port}`);
  return new FatalError(
    `cannot listen on ${host}:${port}: ${reasonOf(error)}; correct ${flags.host} and ${flags.port}`,
  );
}

/** Whether the system has to look this host up to find its address. */
function isName(host: string): boolean {
  return host !== "localhost" && isIP(host.replace(/^\[(.*)\]$/, "$1")) === 0;
}
