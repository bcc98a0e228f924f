import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { credentials } from "amqplib";
import { codeOf, FatalError, reasonOf } from "../../../errors.ts";

/** The files by which a process shows RabbitMQ who it is, and tells who RabbitMQ has to be. */
export interface AccessOptions {
  /** Has the password, instead of the URL. */
  readonly brokerPasswordFile: string | undefined;
  /** PEM file of the CA certificates that RabbitMQ's must chain to; undefined: the system's. */
  readonly brokerCa: string | undefined;
  /** PEM file of the certificate that is shown to RabbitMQ. */
  readonly brokerCert: string | undefined;
  /** PEM file of its key. */
  readonly brokerKey: string | undefined;
}

/** What is in them. */
export interface Secrets {
  /** Undefined: the URLs have it. */
  readonly password: string | undefined;
  /** What `tls.connect` takes. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/** Reads the files anew for each connection, so that what was renewed meanwhile counts. */
export interface Access {
  /** @throws FatalError in one line that names the file and never what is in it */
  read(): Secrets;
}

/** The access where the URLs say everything. */
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
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new FatalError(`${flag} ${path} cannot be read: ${reasonOf(error)}`);
  }
  // trim() takes a byte-order mark for a space.
  if (text.trim() === "") throw new FatalError(`${flag} ${path} is empty`);
  return text;
}

/** How to log in, from a URL and the files. */
export interface Login {
  /** The URL without user and password. */
  readonly url: URL;
  /** Undefined: by the client certificate (SASL's EXTERNAL). */
  readonly user: { readonly name: string; readonly password: string } | undefined;
}

/**
 * Who logs in: the user in the URL, else the client certificate, else RabbitMQ's own default, guest. Percent escapes are
 * UTF-8, which amqplib does not take them for.
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

/** What is no escape of UTF-8 is taken as it stands. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
