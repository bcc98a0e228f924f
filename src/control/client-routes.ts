import { timeIn } from "../duration.ts";
import { isName } from "../message.ts";
import type { Query } from "../query.ts";
import { pageMax, searchMax } from "./command.ts";
import type { ControlOptions } from "./control-options.ts";
import type { SeenClient } from "./desk.ts";
import { page, placeAfter } from "./page.ts";
import { bad, refused, unknownClient } from "./refusal.ts";
import { revokedMsDefault, revokedMsMax } from "./revocations.ts";

/** The connections of a client, and the managers that have not answered. */
interface Found {
  readonly connections: readonly SeenClient[];
  readonly missing: readonly string[];
}

/** `/api/clients…`: the connected clients of all managers. */
export class ClientRoutes {
  readonly #options: Pick<ControlOptions, "askAll" | "revoke">;

  constructor(options: Pick<ControlOptions, "askAll" | "revoke">) {
    this.#options = options;
  }

  async list(query: Query): Promise<Response> {
    const limit = Number(query.get("limit") ?? 100);
    const after = query.get("after") ?? "";
    if (!Number.isInteger(limit) || limit < 1 || limit > pageMax)
      return bad(`limit is a whole number from 1 to ${pageMax}`);
    const search = query.get("search") ?? "";
    if (search.length > searchMax) return bad(`search has at most ${searchMax} characters`);
    // One more shows whether another page follows, and whether that begins with the same client.
    const asked = { do: "clients", after, limit: limit + 1, search } as const;
    const { answers, missing } = await this.#options.askAll(asked);
    const found = answers.flatMap(({ clients }) => clients as readonly SeenClient[]);
    const all = page(found, after, limit + 1);
    const clients = all.slice(0, limit);
    const following = all[limit];
    const next = following === undefined ? {} : { next: placeAfter(clients.at(-1)!, following) };
    return Response.json({ clients, ...next, missing });
  }

  async show(id: string): Promise<Response> {
    const { connections, missing } = await this.find(id);
    return connections.length === 0
      ? unknownClient(id, missing)
      : Response.json({ client: id, connections, missing });
  }

  /** The connections of a client, on all managers. */
  async find(client: string): Promise<Found> {
    const { answers, missing } = await this.#options.askAll({ do: "client", client });
    return { connections: answers.flatMap(({ clients }) => clients as readonly SeenClient[]), missing };
  }

  async disconnect(client: string): Promise<Response> {
    const { answers, missing } = await this.#options.askAll({ do: "disconnect", client });
    const disconnected = answers.reduce((sum, answer) => sum + Number(answer["disconnected"]), 0);
    return disconnected === 0
      ? unknownClient(client, missing)
      : Response.json({ client, disconnected, missing });
  }

  async revoke(client: string, query: Query): Promise<Response> {
    const said = query.get("for");
    const forMs = said === undefined ? revokedMsDefault : timeIn(said, revokedMsMax);
    if (!isName(client)) return bad("a client id has at most 255 bytes and no control characters");
    if (forMs === undefined || forMs === 0) return bad("for is a time such as 12h or 30d, at most 90d");
    const { connections } = await this.find(client);
    const why = await this.#options.revoke(client, forMs);
    if (why !== undefined) return refused(503, why);
    const { missing } = await this.#options.askAll({ do: "disconnect", client });
    return Response.json({
      client,
      disconnected: connections.length,
      until: new Date(Date.now() + forMs).toISOString(),
      missing,
    });
  }
}
