import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { codeOf, FatalError, reasonOf } from "../../errors.ts";

/** The files by which a process shows RabbitMQ who it is, and tells who RabbitMQ has to be. */
export interface AccessOptions {
  readonly brokerPasswordFile: string | undefined;
  readonly brokerCa: string | undefined;
  readonly brokerCert: string | undefined;
  readonly brokerKey: string | undefined;
}

/** What is in them. */
export interface Access {
  /** Undefined: the URLs have it. */
  readonly password: string | undefined;
  /** For `tls.connect`. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export const urlsAlone: Access = { password: undefined, tls: {} };

/** @throws FatalError in one line that names the file and never what is in it */
export function readAccess(options: AccessOptions): Access {
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
  return { password: password?.replace(/\r?\n$/, ""), tls };
}

function read(flag: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new FatalError(`${flag} ${path} cannot be read: ${reasonOf(error)}`);
  }
  if (text.trim() === "") throw new FatalError(`${flag} ${path} is empty`);
  return text;
}
