const storageKey = "warren-client-id";

type RandomSource = Pick<Crypto, "getRandomValues"> & Partial<Pick<Crypto, "randomUUID">>;

/**
 * A random UUID. Browsers offer `randomUUID` on https and localhost only, but this page is also opened as
 * http://192.168.1.20:8000 from a phone, hence the longer way.
 */
export function newClientId(source: RandomSource): string {
  if (source.randomUUID !== undefined) return source.randomUUID();
  const bytes = source.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40; // RFC 9562: version 4
  bytes[8] = (bytes[8]! & 0x3f) | 0x80; // and its variant
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** This tab's client id: the same over reloads and reconnects, another one in another tab. */
export function clientIdOfTab(storage: () => Storage, source: RandomSource): string {
  try {
    const kept = storage().getItem(storageKey);
    if (kept) return kept;
    const made = newClientId(source);
    storage().setItem(storageKey, made);
    return made;
  } catch {
    return newClientId(source); // storage is blocked in this browser: stable over reconnects at least
  }
}
