import type { Said } from "./said.ts";

/** The way to the other managers. What is said while there is none is lost. */
export interface Post {
  /** This manager's name. */
  readonly own: string;
  /** The managers that are known, without this one. */
  readonly others: readonly string[];
  /** Whether a manager is known, and not gone. */
  knows(manager: string): boolean;
  /** Whether what is said now arrives soon. */
  readonly isOpen: boolean;
  /** Tells all managers. It is lost where there is no connection. */
  tellAll(said: Said): void;
  /** Tells one manager. It is lost where there is no connection. */
  tell(manager: string, said: Said): void;
}
