/**
 * The parts of AMQP 0-9-1 that Warren reads and writes without amqplib: frames (2.3.5), content headers (4.2.6), and the class basic (1.8).
 */

/** The type of method frames. */
export const frameMethod = 1;
/** The type of content header frames. */
export const frameHeader = 2;
/** The type of body frames. */
export const frameBody = 3;
/** The type of heartbeat frames. */
export const frameHeartbeat = 8;
/** The last byte of every frame. */
export const frameEnd = 0xce;
/** Type, channel and size before a frame's payload, in bytes. */
export const frameHeadBytes = 7;
/** The position of a frame's payload size. */
export const frameSizeAt = 3;
/** What a frame has besides its payload, in bytes. */
export const frameOverhead = frameHeadBytes + 1;
/** A UTF-16 code unit takes at most this many bytes as UTF-8. */
export const bytesPerUnitMax = 3;

/** The class for publishing and consuming. */
export const classBasic = 60;

/** The code for an internal error. */
export const internalError = 541;

// A content header has flags that tell which properties follow, in this order. They are constants, since looking into an object for each
// property is slower.

/** It has the property content-type. */
export const hasContentType = 1 << 15;
/** It has the property content-encoding. */
export const hasContentEncoding = 1 << 14;
/** It has the property headers. */
export const hasHeaders = 1 << 13;
/** It has the property delivery-mode. */
export const hasDeliveryMode = 1 << 12;
/** It has the property priority. */
export const hasPriority = 1 << 11;
/** It has the property correlation-id. */
export const hasCorrelationId = 1 << 10;
/** It has the property reply-to. */
export const hasReplyTo = 1 << 9;
/** It has the property expiration. */
export const hasExpiration = 1 << 8;
/** It has the property message-id. */
export const hasMessageId = 1 << 7;
/** It has the property timestamp. */
export const hasTimestamp = 1 << 6;
/** It has the property type. */
export const hasType = 1 << 5;
/** It has the property user-id. */
export const hasUserId = 1 << 4;
/** It has the property app-id. */
export const hasAppId = 1 << 3;
/** It has the property cluster-id. */
export const hasClusterId = 1 << 2;
/** Another two bytes of flags follow. */
export const hasMoreFlags = 1;
