import type { AttendanceByTurns } from "../events/attendance.ts";
import type { Events } from "../events/events.ts";
import { connectionIn } from "../events/pending-event.ts";
import type { Announcements } from "../gateway/clients/announcements.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import { Presence } from "../presence/presence.ts";

/** Presence of clients on topics. Managers tell one another of it over the same connection as their events. */
export function presenceOf(events: Events, attendance: AttendanceByTurns): Presence {
  const peers = {
    own: events.manager,
    get others() {
      return events.others;
    },
    knows: (manager: string) => events.knows(manager),
    get isOpen() {
      return events.isOpen;
    },
    tellAll: (said: object) => events.tellCompanions(said),
    tell: (manager: string, said: object) => events.tellCompanions(said, manager),
  };
  const presence = new Presence(peers, attendance, (client) => events.nameOf(client));
  events.companion = presence;
  return presence;
}

/**
 * Receives the gateway's announcements about clients. Presence hears of a disconnect first, while the client still has its name and
 * subscriptions.
 */
export function toldOf(events: Events, presence: Presence): Announcements {
  return {
    connected: (client) => events.connected(client),
    disconnected: (client, reason) => {
      presence.disconnected(client);
      events.disconnected(client, reason);
    },
    subscribed: (client, topic) => {
      events.subscribed(client, topic);
      presence.subscribed(client, topic);
    },
    unsubscribed: (client, topic) => {
      events.unsubscribed(client, topic);
      presence.unsubscribed(client, topic);
    },
    nameOf: (client) => events.nameOf(client),
    connectionIn: (name) => connectionIn(events.manager, name),
  };
}

/** What `/metrics` shows of presence. */
export function presenceMetrics(presence: Presence): readonly AnyMetric[] {
  return [
    {
      name: "warren_presence_topics",
      type: "gauge",
      help: "Topics of which clients of this manager are told who is there.",
      read: () => presence.figures.watched,
    },
    {
      name: "warren_presence_members_bytes",
      type: "gauge",
      help: "What the client ids take in memory that are on these topics, on all managers.",
      read: () => presence.figures.bytes,
    },
  ];
}
