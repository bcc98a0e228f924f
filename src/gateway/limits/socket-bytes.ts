import { FFIType, ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { openLibc } from "../../ops/libc.ts";
import { peerOf } from "../guards/address.ts";

const ipv4Family = 2;
const ipv6Family = 10;
const tcpProtocol = 6;
/** getsockopt's number for `struct tcp_info` (linux/tcp.h); the offsets in it follow. */
const tcpInfo = 11;
/** setsockopt's number for how much may wait in the kernel that was not sent yet. */
const tcpNotSentLowat = 25;
/** `tcpi_retransmits`: how often the same data was sent in vain. */
const retransmitsAt = 2;
/** `tcpi_probes`: how often the peer was asked in vain whether there is room again. */
const probesAt = 3;
/** `tcpi_bytes_acked` */
const takenAt = 120;
/** `tcpi_bytes_received` */
const receivedAt = 128;
/** This many in a row mean that the peer is gone: about 13 seconds of retransmits, and some minutes of probes. */
const [retransmitsMax, probesMax] = [6, 3] as const;
const infoBytes = receivedAt + 8;
/** getsockopt's numbers for the socket level, the size of the receive buffer, and whether the socket listens. */
const [socketLevel, receiveBuffer, acceptsConnections] = [1, 8, 30] as const;
/** More than any system allows: Linux takes the most that it does. */
const queuedMax = 65_535;
/** ioctl's number for how many bytes wait to be read. */
const fionread = 0x541b;

type Libc = NonNullable<ReturnType<typeof load>>;

/**
 * What Linux knows about this process's sockets and Bun does not tell: the peers, and how much came over them. Each call takes about a
 * microsecond.
 */
export class SocketBytes {
  readonly #libc: Libc;
  readonly #length = new Uint32Array(new ArrayBuffer(4));
  readonly #address = new Uint8Array(new ArrayBuffer(128));
  readonly #info = new DataView(new ArrayBuffer(256));
  readonly #unread = new Int32Array(new ArrayBuffer(4));
  readonly #lengthAt = ptr(this.#length);
  readonly #addressAt = ptr(this.#address);
  readonly #infoAt = ptr(this.#info);
  readonly #unreadAt = ptr(this.#unread);
  readonly #number = new Int32Array(new ArrayBuffer(4));
  readonly #numberAt = ptr(this.#number);

  private constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Undefined if this is not Linux, or if such calls are not allowed. */
  static open(): SocketBytes | undefined {
    const libc = load();
    return libc === undefined ? undefined : new SocketBytes(libc);
  }

  /** Both ends of the connection with this file descriptor, in the form of `peerOf`; undefined if it is no TCP connection. */
  peer(fd: number): string | undefined {
    const own = this.#addressBy(this.#libc.getsockname, fd);
    if (own === undefined) return undefined;
    const peer = this.#addressBy(this.#libc.getpeername, fd);
    return peer === undefined ? undefined : peerOf(peer.address, peer.port, own.port);
  }

  #addressBy(name: Libc["getpeername"], fd: number): { address: string; port: number } | undefined {
    this.#length[0] = this.#address.length;
    if (name(fd, this.#addressAt, this.#lengthAt) !== 0) return undefined;
    const bytes = this.#address;
    const family = bytes[0]! | (bytes[1]! << 8);
    const port = (bytes[2]! << 8) | bytes[3]!;
    if (family === ipv4Family) return { address: bytes.subarray(4, 8).join("."), port };
    if (family !== ipv6Family) return undefined;
    const groups = Array.from({ length: 8 }, (_, index) => {
      const at = 8 + 2 * index;
      return ((bytes[at]! << 8) | bytes[at + 1]!).toString(16);
    });
    return { address: groups.join(":"), port };
  }

  /** How many bytes came over it since it was connected, including unread ones; undefined if the kernel does not say. */
  received(fd: number): number | undefined {
    return this.#ask(fd) ? Number(this.#info.getBigUint64(receivedAt, true)) : undefined;
  }

  /**
   * How many bytes the peer's system has taken since it was connected, whether or not its program has read them; undefined if the kernel
   * does not say.
   */
  taken(fd: number): number | undefined {
    return this.#ask(fd) ? Number(this.#info.getBigUint64(takenAt, true)) : undefined;
  }

  /** Whether the peer's system still answers, as far as it was asked. */
  isAnswered(fd: number): boolean {
    if (!this.#ask(fd)) return false;
    return this.#info.getUint8(retransmitsAt) < retransmitsMax && this.#info.getUint8(probesAt) < probesMax;
  }

  /**
   * Limits how much data the kernel takes that it cannot send yet. Data on its way does not count, so nothing gets slower.
   *
   * @param bytes 0: as much as the system allows, by default some megabytes
   */
  keepUnsent(fd: number, bytes: number): boolean {
    this.#number[0] = bytes;
    return this.#libc.setsockopt(fd, tcpProtocol, tcpNotSentLowat, this.#numberAt, 4) === 0;
  }

  #ask(fd: number): boolean {
    this.#length[0] = this.#info.byteLength;
    if (this.#libc.getsockopt(fd, tcpProtocol, tcpInfo, this.#infoAt, this.#lengthAt) !== 0) return false;
    return this.#length[0] >= infoBytes;
  }

  /** How many bytes wait to be read. */
  unread(fd: number): number {
    return this.#libc.ioctl(fd, fionread, this.#unreadAt) === 0 ? this.#unread[0]! : 0;
  }

  /**
   * Prepares the port's listening sockets. As many new connections may wait to be accepted as the system allows (`net.core.somaxconn`,
   * usually 4096): Bun lets 512 wait, and Linux passes over the others in silence, so that their systems ask again after 1, 3 and 7
   * seconds. And each connection inherits a limit on its unread data. Linux counts twice as much itself, since it includes overhead.
   *
   * @param unreadMax the limit, in bytes; 0: the system's default
   * @returns whether anything listens there
   */
  prepare(port: number, unreadMax: number): boolean {
    // Very many may be open while a certificate is renewed, so they are looked through once.
    const listening = readdirSync("/proc/self/fd")
      .map(Number)
      .filter((fd) => this.#numberOf(fd, acceptsConnections) === 1)
      .filter((fd) => this.#addressBy(this.#libc.getsockname, fd)?.port === port);
    for (const fd of listening) {
      this.#libc.listen(fd, queuedMax);
      this.#number[0] = unreadMax;
      if (unreadMax > 0) this.#libc.setsockopt(fd, socketLevel, receiveBuffer, this.#numberAt, 4);
    }
    return listening.length > 0;
  }

  /** How much unread data this connection may have, in bytes as Linux counts them; undefined if it is no connection. */
  unreadMax(fd: number): number | undefined {
    return this.#numberOf(fd, receiveBuffer);
  }

  #numberOf(fd: number, name: number): number | undefined {
    this.#length[0] = 4;
    const failed = this.#libc.getsockopt(fd, socketLevel, name, this.#numberAt, this.#lengthAt) !== 0;
    return failed ? undefined : this.#number[0];
  }
}

function load() {
  const { i32, u64, ptr: pointer } = FFIType;
  return openLibc({
    getsockname: { args: [i32, pointer, pointer], returns: i32 },
    getpeername: { args: [i32, pointer, pointer], returns: i32 },
    getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
    setsockopt: { args: [i32, i32, i32, pointer, i32], returns: i32 },
    listen: { args: [i32, i32], returns: i32 },
    ioctl: { args: [i32, u64, pointer], returns: i32 },
  });
}
