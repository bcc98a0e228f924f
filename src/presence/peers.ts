import type { PresenceMessage } from "./presence-message.ts";

/** Sends messages to the other managers. Without a connection they are lost. */
export interface Peers {
  /** This manager's name. */
  readonly own: string;
  /** The managers that are known, without this one. */
  readonly others: readonly string[];
  /** Whether a manager is known, and has not gone. */
  knows(manager: string): boolean;
  /** Whether a message that is sent now arrives soon. */
  readonly isOpen: boolean;
  /** Sends a message to all managers. It is lost if there is no connection. */
  tellAll(said: PresenceMessage): void;
  /** Sends a message to one manager. It is lost if there is no connection. */
  tell(manager: string, said: PresenceMessage): void;
}
