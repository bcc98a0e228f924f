import { withoutPassword } from "../redact.ts";
import { Handshake } from "./handshake.ts";

/** A manager, and how to be connected to it. */
export class Address {
  /** The address for people to read. */
  readonly name: string;
  readonly handshake: Handshake;
  readonly hostname: string;
  readonly port: number;
  /** Whether it is `wss:`, so that the certificate has to be for the host and of an authority that this machine trusts. */
  readonly isSecure: boolean;

  constructor(url: URL, subprotocol: string | undefined) {
    this.name = withoutPassword(url.href);
    this.handshake = new Handshake(url, subprotocol);
    // A URL writes an IPv6 address in brackets, a socket does not.
    this.hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
    this.isSecure = url.protocol === "wss:";
    this.port = url.port === "" ? (this.isSecure ? 443 : 80) : Number(url.port);
  }
}
