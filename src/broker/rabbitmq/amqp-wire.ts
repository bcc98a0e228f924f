/**
 * AMQP 0-9-1 on the wire, as far as Warren writes and reads it past amqplib: frames (2.3.5), content headers (4.2.6), and basic (1.8).
 */

/** What a frame begins with, by its type. */
export const frameTypes = { method: 1, header: 2, body: 3 } as const;
/** What a frame ends with. */
export const frameEnd = 0xce;
/** Type, channel and size before a frame's payload, in bytes. */
export const frameHeadBytes = 7;
/** Where in a frame its payload's size is. */
export const frameSizeAt = 3;
/** All that a frame has around its payload, in bytes. */
export const frameOverhead = frameHeadBytes + 1;
/** A UTF-16 code unit takes at most this many bytes as UTF-8. */
export const bytesPerUnitMax = 3;

/** The class of publishing and consuming. */
export const classBasic = 60;

/** Which properties a content header has, in the order in which they follow; `more`: another two bytes of flags. */
export const propertyFlags = {
  contentType: 1 << 15,
  contentEncoding: 1 << 14,
  headers: 1 << 13,
  deliveryMode: 1 << 12,
  priority: 1 << 11,
  correlationId: 1 << 10,
  replyTo: 1 << 9,
  expiration: 1 << 8,
  messageId: 1 << 7,
  timestamp: 1 << 6,
  type: 1 << 5,
  userId: 1 << 4,
  appId: 1 << 3,
  clusterId: 1 << 2,
  more: 1,
} as const;
