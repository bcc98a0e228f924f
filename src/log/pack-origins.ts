import type { Envelope } from "../envelope/envelope.ts";

/** What the packs of one publisher have in common: everything of their envelopes except what is different in each. */
export type PackOrigin = Omit<Envelope, "body" | "messageId" | "timestamp">;

/** How many are remembered: more publishers than usually send at the same time. */
const originsMax = 256;

/**
 * The origins of packs. A log in memory has very many packs, when little is sent most of them with one message, and each comes with texts of
 * its own that say the same as those of the pack before: these took more memory than the messages.
 */
export class PackOrigins {
  readonly #known = new Map<string | undefined, PackOrigin>();

  /**
   * An origin that stands for this envelope's, and is shared by many.
   *
   * @returns undefined for the first envelope of its publisher, and for one with a property that packs of Warren's roles do not have
   */
  sharedBy(envelope: Envelope): PackOrigin | undefined {
    if (!isUsual(envelope)) return undefined;
    const { routingKey, contentType, appId } = envelope;
    const known = this.#known.get(appId);
    if (known?.routingKey === routingKey && known.contentType === contentType) return known;
    if (this.#known.size >= originsMax) this.#known.clear();
    this.#known.set(appId, { routingKey, contentType, appId, clientId: undefined, headers: undefined });
    return undefined;
  }
}

function isUsual({ clientId, headers, isRequest, packId, isCopy, copies }: Envelope): boolean {
  const isPlain = clientId === undefined && headers === undefined && copies === undefined;
  return isPlain && isRequest !== true && isCopy !== true && packId === undefined;
}
