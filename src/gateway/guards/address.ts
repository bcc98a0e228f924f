import { BlockList, isIPv4, isIPv6 } from "node:net";
import { networkOf } from "../../network.ts";

/** The proxies that `--trust-proxy` names. What they say about the origin of a request is believed. */
export class TrustedProxies {
  readonly #networks = new BlockList();

  constructor(networks: readonly string[]) {
    for (const text of networks) {
      const network = networkOf(text);
      if (network === undefined) throw new TypeError(`${text} is no network of addresses`);
      this.#networks.addSubnet(network.address, network.prefixBits, network.family);
    }
  }

  /**
   * The client's address. Each proxy appends the address that has asked it to X-Forwarded-For. So the header is read from the right, from
   * one trusted proxy to the next, and the first address that is not a proxy's is the client's. Anything further left the client may have
   * made up.
   *
   * @param peer the address that has connected
   * @param forwardedFor the header X-Forwarded-For
   */
  clientOf(peer: string, forwardedFor: string | null): string {
    let client = plainAddress(peer) ?? peer;
    if (forwardedFor === null || !this.#has(client)) return client;
    for (const hop of forwardedFor.split(",").toReversed()) {
      const address = plainAddress(hop.trim());
      // A proxy that wrote no address ("unknown") is as far as can be seen.
      if (address === undefined) return client;
      client = address;
      if (!this.#has(client)) return client;
    }
    return client;
  }

  /** Whether a trusted proxy has connected. */
  has(peer: string): boolean {
    return this.#has(plainAddress(peer) ?? peer);
  }

  #has(address: string): boolean {
    return this.#networks.check(address, isIPv4(address) ? "ipv4" : "ipv6");
  }
}

/** The address without port, brackets or zone, with an IPv4-mapped IPv6 address (::ffff:192.0.2.1) as IPv4; undefined if the text is no address. */
export function plainAddress(text: string): string | undefined {
  const bare = /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  if (isIPv4(bare)) return bare;
  const [address = ""] = bare.split("%");
  if (!isIPv6(address)) return undefined;
  const groups = groupsOf(address);
  if (groups.slice(0, 5).some((group) => group !== 0) || groups[5] !== 0xffff) return address;
  return [groups[6]!, groups[7]!].flatMap((group) => [group >> 8, group & 0xff]).join(".");
}

/**
 * What counts as one address: the first half of an IPv6 address, since a host that has one address of a network usually has all 2^64.
 *
 * @param address a result of `plainAddress`
 */
export function neighbourhoodOf(address: string): string {
  if (!isIPv6(address)) return address;
  return `${groupsOf(address)
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}

/** The eight numbers of a valid IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const [head = "", tail = ""] = address.split("::");
  const [first, last] = [numbersOf(head), numbersOf(tail)];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}

function numbersOf(part: string): readonly number[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => {
    if (!group.includes(".")) return Number.parseInt(group, 16);
    const [a, b, c, d] = group.split(".").map(Number);
    return [a! * 256 + b!, c! * 256 + d!];
  });
}

/** Both ends of a connection as one text, in the same form however the peer's address is written. */
export function peerOf(address: string, port: number, ownPort: number): string {
  const plain = plainAddress(address) ?? address;
  return `${isIPv6(plain) ? groupsOf(plain).join(":") : plain} ${port} ${ownPort}`;
}
