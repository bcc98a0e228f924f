const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A MESSAGE's body as text, unless it says that it is bytes, or is not text. */
export function bodyOf(bytes: Uint8Array, contentType: string | undefined): string | Uint8Array {
  if (contentType === "application/octet-stream") return bytes;
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return bytes; // not UTF-8
  }
}
