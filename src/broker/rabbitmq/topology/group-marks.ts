import type { Channel } from "amqplib";
import { markContentType } from "../../broker.ts";
import { exchanges } from "./exchanges.ts";

/**
 * The message ids of the marks about groups, which go into the log. The group is the routing key, and the sender's name is the `app_id`.
 * Processors announce their group, and that they have lost its queue; `removed` comes from whoever is about to remove a group.
 */
export const groupMarks = { here: "group-here", gone: "group-gone", removed: "group-removed" } as const;

/** Writes a mark about a group into the log. @param from the sender's name */
export function writeGroupMark(
  channel: Channel,
  what: keyof typeof groupMarks,
  group: string,
  from: string,
): void {
  channel.publish(exchanges.marks, group, Buffer.alloc(0), {
    contentType: markContentType,
    messageId: groupMarks[what],
    appId: from,
    timestamp: Math.floor(Date.now() / 1000),
  });
}
