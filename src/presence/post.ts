import type { Said } from "./said.ts";

/** The way to the other managers. What is said while there is none is lost. */
export interface Post {
  readonly own: string;
  /** The managers that are known, without this one. */
  readonly others: readonly string[];
  /** Whether a manager is known, and not gone. */
  knows(manager: string): boolean;
  /** Whether what is said now arrives soon. */
  readonly isOpen: boolean;
  tellAll(said: Said): void;
  tell(manager: string, said: Said): void;
}
