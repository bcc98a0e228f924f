const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The body of a MESSAGE as text; as bytes if its headers say so, or if it is not valid UTF-8. */
export function bodyOf(bytes: Uint8Array, contentType: string | undefined): string | Uint8Array {
  if (contentType === "application/octet-stream") return bytes;
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return bytes; // not UTF-8
  }
}
