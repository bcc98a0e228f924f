import { readOptionFile } from "../../option-file.ts";

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
  const read = (flag: string, path: string) => readOptionFile(flag, path).toString();
  return { cert: read("--tls-cert", tlsCert), key: read("--tls-key", tlsKey) };
}
