import { createSecureContext } from "node:tls";
import { credentials } from "amqplib";
import { codeOf, FatalError, reasonOf } from "../../../errors.ts";
import { readOptionFile } from "../../../option-file.ts";

/** The files with this process's credentials, and with the authority of RabbitMQ's certificate. */
export interface AccessOptions {
  /** Contains the password, in place of the URL. */
  readonly brokerPasswordFile: string | undefined;
  /** PEM file of the CA certificates that RabbitMQ's must chain to; undefined: the system's. */
  readonly brokerCa: string | undefined;
  /** PEM file of the certificate that is shown to RabbitMQ. */
  readonly brokerCert: string | undefined;
  /** PEM file of its key. */
  readonly brokerKey: string | undefined;
}

/** The content of these files. */
export interface Secrets {
  /** Undefined: the URLs have it. */
  readonly password: string | undefined;
  /** What `tls.connect` takes. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/** Reads the files again for each connection, so that renewed ones are used. */
export interface Access {
  /** @throws FatalError with one line that names the file, and never its content */
  read(): Secrets;
}

/** The access if the URLs contain everything. */
export const urlsAlone: Access = { read: () => ({ password: undefined, tls: {} }) };

/** @throws FatalError if a file cannot be used now */
export function accessBy(options: AccessOptions): Access {
  const access = { read: () => readSecrets(options) };
  access.read();
  return access;
}

function readSecrets(options: AccessOptions): Secrets {
  const { brokerPasswordFile, brokerCa, brokerCert, brokerKey } = options;
  const tls = {
    ...(brokerCa === undefined ? {} : { ca: read("--broker-ca", brokerCa) }),
    ...(brokerCert === undefined ? {} : { cert: read("--broker-cert", brokerCert) }),
    ...(brokerKey === undefined ? {} : { key: read("--broker-key", brokerKey) }),
  };
  if (tls.ca !== undefined && !tls.ca.includes("-----BEGIN CERTIFICATE-----"))
    throw new FatalError(`--broker-ca ${brokerCa} has no certificate in PEM format`);
  try {
    createSecureContext(tls);
  } catch (error) {
    if (String(codeOf(error)).includes("KEY_VALUES_MISMATCH"))
      throw new FatalError(
        `--broker-key ${brokerKey} is not the key of the certificate in --broker-cert ${brokerCert}`,
      );
    throw new FatalError(
      `--broker-ca, --broker-cert and --broker-key have to be certificates and a key in PEM format: ${reasonOf(error)}`,
    );
  }
  const password =
    brokerPasswordFile === undefined ? undefined : read("--broker-password-file", brokerPasswordFile);
  return { password: password?.replace(/^\ufeff/, "").replace(/\r?\n$/, ""), tls };
}

function read(flag: string, path: string): string {
  const text = readOptionFile(flag, path).toString();
  // trim() takes a byte-order mark for a space.
  if (text.trim() === "") throw new FatalError(`${flag} ${path} is empty`);
  return text;
}

/** How to log in, according to a URL and the files. */
export interface Login {
  /** The URL without user and password. */
  readonly url: URL;
  /** Undefined: the client certificate logs in (SASL's EXTERNAL). */
  readonly user: { readonly name: string; readonly password: string } | undefined;
}

/**
 * Decides how to log in: as the user in the URL, else by the client certificate, else as RabbitMQ's default, guest. Percent escapes are
 * UTF-8, which amqplib would decode differently.
 */
export function loginTo(text: string, { password, tls }: Secrets): Login {
  const url = new URL(text);
  const { username } = url;
  const inUrl = unescaped(url.password);
  url.username = "";
  url.password = "";
  url.hostname = unescaped(url.hostname);
  if (username !== "") return { url, user: { name: unescaped(username), password: password ?? inUrl } };
  const byCertificate = url.protocol === "amqps:" && tls.cert !== undefined;
  return { url, user: byCertificate ? undefined : { name: "guest", password: "guest" } };
}

/** The credentials in the form that amqplib's `connect` takes. */
export function credentialsOf({ user }: Login) {
  return user === undefined ? credentials.external() : credentials.plain(user.name, user.password);
}

/** Decodes percent escapes. Text that is not valid UTF-8 then is taken as it stands. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
