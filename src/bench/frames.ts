/** The frames of RFC 6455, section 5.2, as a client sends them. */

/** What a WebSocket frame is, by RFC 6455. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const maskBit = 0x80;
const maskBytes = 4;

/**
 * Writes the header of a final frame and returns where its payload begins.
 *
 * The masking key is zero. A client must mask, but XOR with zero changes nothing, so the payload is sent as it lies.
 * A key must be unpredictable only to protect proxies from a web page's script (section 10.3), and there is none here.
 */
export function writeHeader(bytes: Uint8Array, at: number, opcode: number, length: number): number {
  bytes[at] = 0x80 | opcode;
  let end = at + 2;
  if (length < 126) {
    bytes[at + 1] = maskBit | length;
  } else if (length < 65_536) {
    bytes[at + 1] = maskBit | 126;
    bytes[at + 2] = length >> 8;
    bytes[at + 3] = length & 0xff;
    end = at + 4;
  } else {
    bytes[at + 1] = maskBit | 127;
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(at + 2, BigInt(length));
    end = at + 10;
  }
  bytes.fill(0, end, end + maskBytes);
  return end + maskBytes;
}

/** How long the header of a frame with `length` bytes of payload is. */
export function headerBytesFor(length: number): number {
  return (length < 126 ? 2 : length < 65_536 ? 4 : 10) + maskBytes;
}

/** A whole frame, for the few that are not messages. */
export function makeFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headerBytesFor(payload.length) + payload.length);
  frame.set(payload, writeHeader(frame, 0, opcode, payload.length));
  return frame;
}

/** A close frame without a reason. */
export function makeCloseFrame(code: number): Uint8Array {
  return makeFrame(opcodes.close, Uint8Array.of(code >> 8, code & 0xff));
}

/** `1001 "server stopping"`: what a close frame says. */
export function describeClose(payload: Uint8Array): string {
  if (payload.length < 2) return "1005 (no code)";
  const code = (payload[0]! << 8) | payload[1]!;
  const reason = new TextDecoder().decode(payload.subarray(2));
  return reason === "" ? String(code) : `${code} ${JSON.stringify(reason)}`;
}
