const storageKey = "warren-client-id";

type RandomSource = Pick<Crypto, "getRandomValues"> & Partial<Pick<Crypto, "randomUUID">>;

/**
 * A random UUID. Browsers offer `randomUUID` only over https and on localhost, but a phone may open this page as
 * http://192.168.1.20:8000.
 */
export function newClientId(source: RandomSource): string {
  if (source.randomUUID !== undefined) return source.randomUUID();
  const bytes = source.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40; // RFC 9562: version 4
  bytes[8] = (bytes[8]! & 0x3f) | 0x80; // and its variant
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const manners =
  "amber bold brave bright brisk calm clever coral dapper eager fleet fond gentle glad golden happy honest jolly keen kind lively lucky merry mellow noble nimble proud quiet swift tidy warm witty".split(
    " ",
  );
const animals =
  "badger beaver crane dove eagle falcon ferret finch fox gecko hare heron ibis jay kestrel lark lemur lynx magpie marten mole newt otter owl puffin rabbit raven robin seal stoat swan wren".split(
    " ",
  );
const letters = "abcdefghijkmnpqrstuvwxyz23456789";

/** A random name that people can remember, such as `quiet-heron-k7x2m`. There are 2^35, so two pages hardly get the same. */
export function newName(source: RandomSource): string {
  const bytes = source.getRandomValues(new Uint8Array(7));
  const end = Array.from(bytes.subarray(2), (byte) => letters[byte % 32]).join("");
  return `${manners[bytes[0]! % 32]}-${animals[bytes[1]! % 32]}-${end}`;
}

/** This tab's client id. It survives reloads and reconnects; each tab has another one. */
export function clientIdOfTab(storage: () => Storage, source: RandomSource): string {
  try {
    const kept = storage().getItem(storageKey);
    if (kept) return kept;
    const made = newName(source);
    storage().setItem(storageKey, made);
    return made;
  } catch {
    return newName(source); // the browser blocks storage, so the id survives reconnects, but no reload
  }
}
