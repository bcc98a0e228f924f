import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Auth } from "../../src/gateway/auth/auth.ts";
import type { Handler } from "../../src/processor/handler.ts";
import { claims, hs256 } from "../unit/gateway/auth/signing.ts";
import { removeAtExit } from "./leftovers.ts";
import { optionsOf, QuietLogger, startSystem } from "./system.ts";

export const secret = "a secret of more than thirty-two bytes";
const folder = mkdtempSync(join(tmpdir(), "warren-auth-"));
const secretFile = join(folder, "secret");
writeFileSync(secretFile, `${secret}\n`);
removeAtExit(folder);

export const silent: Handler = () => undefined;

/** Warren with `--auth jwt` and this secret. */
export async function startGuarded(handler = silent, ...more: string[]) {
  const args = ["--auth", "jwt", "--jwt-secret-file", secretFile, ...more];
  const auth = await Auth.open(optionsOf(...args), new QuietLogger());
  const system = startSystem(args, handler, auth);
  return {
    ...system,
    metrics: async () => await (await fetch(new URL("/metrics", system.url))).text(),
    async refused(reason: string): Promise<number> {
      const text = await this.metrics();
      return Number(
        new RegExp(`^warren_tokens_refused_total{reason="${reason}"} (\\d+)$`, "m").exec(text)?.[1],
      );
    },
  };
}

/** A valid token. */
export const tokenOf = (sub: string, more: Record<string, unknown> = {}) =>
  hs256(claims({ sub, ...more }), secret);
export const rights = (publish: string[], subscribe: string[]) => ({ warren: { publish, subscribe } });
export const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** The answer to a refused handshake. */
export async function answerTo(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(url.replace(/^ws/, "http"), {
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    },
  });
}
