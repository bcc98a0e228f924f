import { readFileSync } from "node:fs";
import { FatalError, reasonOf } from "../../errors.ts";

/** What a server shows to its clients, in PEM. */
export interface Certificate {
  /** PEM, with its chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

/** Where the certificate is. */
export interface TlsOptions {
  /** The files; both or none. */
  readonly tlsCert: string | undefined;
  /** PEM file of the certificate's key. */
  readonly tlsKey: string | undefined;
}

/**
 * Reads the certificate and its key; undefined if there is none to read.
 *
 * @throws FatalError
 */
export function readCertificate({ tlsCert, tlsKey }: TlsOptions): Certificate | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return { cert: read("--tls-cert", tlsCert), key: read("--tls-key", tlsKey) };
}

function read(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new FatalError(`${flag} ${path} cannot be read: ${reasonOf(error)}`);
  }
}
