import { isIP } from "node:net";

/** A network of addresses, such as 10.0.0.0/8; a lone address is one with the longest prefix. */
export interface Network {
  /** Any address in it. */
  readonly address: string;
  /** How many leading bits all of its addresses share. */
  readonly prefixBits: number;
  /** The family of the address. */
  readonly family: "ipv4" | "ipv6";
}

/** What `10.0.0.0/8`, `fd00::/8` or a lone address says; undefined if it is none. */
export function networkOf(text: string): Network | undefined {
  const [, address = "", digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0 || address.includes("%")) return undefined;
  const bits = version === 4 ? 32 : 128;
  const prefixBits = digits === undefined ? bits : Number(digits);
  return prefixBits > bits ? undefined : { address, prefixBits, family: version === 4 ? "ipv4" : "ipv6" };
}
