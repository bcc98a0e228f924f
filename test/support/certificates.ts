import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";

export interface IssuedCertificate {
  /** Files in PEM. */
  readonly cert: string;
  readonly key: string;
}

const ellipticKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** A new certificate authority, which only clients with its certificate trust. It writes into the folder. */
export class CertificateAuthority {
  readonly #folder: string;
  readonly #name: string;
  #issued = 0;

  static async create(folder: string, name = "warren-test-ca"): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(folder, name);
    await run([
      ...["openssl", "req", "-x509", ...ellipticKey, "-days", "2", "-subj", `/CN=${name}`],
      ...["-keyout", authority.#key, "-out", authority.cert],
    ]);
    return authority;
  }

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  /** Its own certificate, a file in PEM. */
  get cert(): string {
    return join(this.#folder, `${this.#name}.pem`);
  }

  get #key(): string {
    return join(this.#folder, `${this.#name}.key`);
  }

  /** A certificate for this machine, unless it is for others. */
  async issue(name: string, hosts = "IP:127.0.0.1,DNS:localhost"): Promise<IssuedCertificate> {
    const base = join(this.#folder, `${this.#name}-${name}-${++this.#issued}`);
    const [key, request, extensions, cert] = [`${base}.key`, `${base}.csr`, `${base}.ext`, `${base}.pem`];
    writeFileSync(extensions, `subjectAltName=${hosts}\n`);
    await run(["openssl", "req", ...ellipticKey, "-keyout", key, "-out", request, "-subj", `/CN=${name}`]);
    await run([
      ...["openssl", "x509", "-req", "-days", "2", "-in", request, "-out", cert, "-extfile", extensions],
      ...["-CA", this.cert, "-CAkey", this.#key, "-CAcreateserial"],
    ]);
    return { cert, key };
  }
}
