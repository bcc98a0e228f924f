import { choice, text, whole } from "../kinds/kinds.ts";
import { every, option, optional, roles, serving } from "../kinds/option.ts";

/** Options of every role, or of those with an admin port. */
export const anyRoleOptions = {
  role: option(choice(...roles), "all", every, "what this process does"),
  adminPort: optional(
    whole("PORT", 0, 65_535),
    "the clients' port; a processor has none",
    serving,
    "a port of its own for `/metrics`, `/healthz` and `/readyz`; 0 picks a free one and prints it",
  ),
  adminHost: option(text("ADDRESS"), "127.0.0.1", serving, "the address that `--admin-port` is on"),
  logFormat: option(
    choice("auto", "text", "json"),
    "auto",
    every,
    "`auto` is text on a terminal, else a JSON object a line",
  ),
  logLevel: option(
    choice("debug", "info", "warn", "error"),
    "info",
    every,
    "the least severe level that is printed",
  ),
} as const;
