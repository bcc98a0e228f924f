/** A frame as a server sends it: not masked. */
export function serverFrame(first: number, payload: Uint8Array | string): Buffer {
  const body = Buffer.from(payload);
  if (body.length < 126) return Buffer.concat([Buffer.of(first, body.length), body]);
  const header = body.length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  header[0] = first;
  header[1] = body.length < 65_536 ? 126 : 127;
  if (body.length < 65_536) header.writeUInt16BE(body.length, 2);
  else header.writeBigUInt64BE(BigInt(body.length), 2);
  return Buffer.concat([header, body]);
}
