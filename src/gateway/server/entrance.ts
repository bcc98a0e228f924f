import type { Server } from "bun";
import { clientIdRule, isClientId } from "../../message.ts";
import type { Query } from "../../query.ts";
import { pageHeader } from "../../wire/page-header.ts";
import type { Auth } from "../auth/auth.ts";
import { tokenIn } from "../auth/bearer.ts";
import { type Grant, unlimited } from "../auth/grant.ts";
import { missing, TokenRefusal } from "../auth/token-refusal.ts";
import type { Client } from "../clients/client.ts";
import type { Seat } from "../clients/seat.ts";
import { asksForUpgrade, targetOf } from "../guards/handshake.ts";
import type { OriginGuard } from "../guards/origin-guard.ts";
import { notAHost, type RefusalName, type Refusals, Refused, refusals } from "../guards/refusals.ts";
import type { Limits } from "../limits/limits.ts";
import type { Protocol } from "../protocol/protocol.ts";

/** What is wrong where the manager's own page is of another origin than its requests say. */
const changedOnTheWay =
  "this page is the manager's own, so a proxy in front of it does not pass Host on, or not X-Forwarded-Proto";

/** What a client has to show to be admitted. */
export interface EntranceOptions {
  /** Undefined: clients need no token. */
  readonly auth: Auth | undefined;
}

/** What is known about a client that asks to connect. */
interface Applicant {
  readonly request: Request;
  readonly server: Server<Client>;
  readonly query: Query;
  /** The client id in the path. */
  readonly asked: string | undefined;
  readonly protocol: Protocol;
  readonly subprotocol: string | undefined;
  readonly seat: Seat;
}

/** Turns a request into a client. It checks everything before the upgrade, cheap checks first. */
export class Entrance {
  readonly #options: EntranceOptions;
  readonly #protocols: readonly Protocol[];
  readonly #refusals: Refusals;
  readonly #limits: Limits;
  readonly #origins: OriginGuard;
  #isClosed = false;

  constructor(
    options: EntranceOptions,
    protocols: readonly Protocol[],
    refusals: Refusals,
    limits: Limits,
    origins: OriginGuard,
  ) {
    this.#options = options;
    this.#origins = origins;
    this.#protocols = protocols;
    this.#refusals = refusals;
    this.#limits = limits;
  }

  /** The manager is stopping. */
  close(): void {
    this.#isClosed = true;
  }

  /** Whether no client is admitted any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Admits a client, or answers why not. Undefined if the client is admitted. Without tokens the result is there at once.
   *
   * @param asked the client id in the path
   */
  enter(
    request: Request,
    server: Server<Client>,
    asked?: string,
  ): Response | undefined | Promise<Response | undefined> {
    if (this.#isClosed) return this.#refuse("stopping");
    const { headers } = request;
    if (headers.get("upgrade")?.toLowerCase() !== "websocket")
      return this.#withoutUpgrade(headers.get(pageHeader), request, server);
    const query = targetOf(request)?.query;
    if (query === undefined) return this.#refuse("invalid", notAHost);
    if (!this.#origins.mayComeFrom(request, server)) return this.#refuse("origin");
    const chosen = choose(this.#protocols, headers.get("sec-websocket-protocol"));
    if (chosen === undefined) {
      return this.#refuse(
        "invalid",
        `this subprotocol is not supported: connect with ${this.#bestSubprotocols}, or without one to send and receive plain text`,
      );
    }
    if (asked !== undefined && !isClientId(asked)) {
      return this.#refuse("invalid", clientIdRule);
    }
    if (!asksForUpgrade(request)) return this.#refuse("invalid");
    if (query.fault !== undefined) return this.#refuse("invalid", query.fault);
    // Parsing a token costs little, and checking it the most, so it is checked only with a seat.
    const token = this.#options.auth === undefined ? undefined : tokenIn(headers.get("authorization"), query);
    if (token instanceof TokenRefusal) return this.#turnAway(token);
    const isWithoutToken = this.#options.auth !== undefined && token === undefined;
    if (isWithoutToken && chosen.protocol.takesTokenLater?.(query) !== true) return this.#turnAway(missing);
    const seat = this.#limits.takeSeat(request, server, isWithoutToken);
    if (seat instanceof Refused) return this.#turnAway(seat);
    const answer = this.#authenticate({ request, server, query, asked, ...chosen, seat }, token);
    return answer instanceof Promise
      ? answer.then((later) => this.#seated(seat, later))
      : this.#seated(seat, answer);
  }

  /** @param page the origin of a client page that asks why its WebSocket does not come about */
  #withoutUpgrade(page: string | null, request: Request, server: Server<Client>): Response {
    if (page === null || this.#origins.allows(page, request, server)) return this.#refuse("notWebSocket");
    return this.#refuse("origin", `${refusals.origin.why}; ${changedOnTheWay}`);
  }

  get #bestSubprotocols(): string {
    return this.#protocols.flatMap(({ subprotocols }) => subprotocols.slice(0, 1)).join(" or ");
  }

  /** An admitted client returns its seat on disconnect; a refused one returns it here. */
  #seated(seat: Seat, refusal: Response | undefined): Response | undefined {
    if (refusal !== undefined) this.#limits.giveBackSeat(seat);
    return refusal;
  }

  /** @param token undefined: it comes later, if one is needed */
  #authenticate(
    applicant: Applicant,
    token: string | undefined,
  ): Response | undefined | Promise<Response | undefined> {
    const { auth } = this.#options;
    if (auth === undefined) return this.#admit(applicant, unlimited);
    if (token === undefined) return this.#admit(applicant, undefined);
    return auth.verify(token).then((grant) => this.#admit(applicant, grant));
  }

  /** @param grant undefined if the protocol will ask for the token */
  #admit(applicant: Applicant, grant: Grant | TokenRefusal | undefined): Response | undefined {
    // The manager may have begun to stop while the token was checked.
    if (this.#isClosed) return this.#refuse("stopping");
    if (grant instanceof TokenRefusal) return this.#turnAway(grant);
    const { request, server, query, asked, protocol, subprotocol, seat } = applicant;
    if (grant?.user !== undefined && asked !== undefined && asked !== grant.user) {
      return this.#turnAway(
        new TokenRefusal("clientId", "the client id in the path is not the token's sub: leave it out"),
      );
    }
    seat.tokenIssuedAtMs = grant?.issuedAtMs ?? 0;
    const client = protocol.admit({ id: grant?.user ?? asked, query, grant, server, seat });
    if (client instanceof Refused) return this.#turnAway(client);
    const headers = subprotocol === undefined ? {} : { "sec-websocket-protocol": subprotocol };
    if (server.upgrade(request, { data: client, headers })) return undefined;
    client.closed();
    client.left();
    return this.#refuse("invalid");
  }

  #refuse(name: RefusalName, why?: string): Response {
    return this.#refusals.refuse(name, why);
  }

  #turnAway(refused: Refused): Response {
    if (refused instanceof TokenRefusal) this.#options.auth?.refusals.add(refused.kind);
    return this.#refuse(refused.name, refused.why);
  }
}

/** The protocol for a client's Sec-WebSocket-Protocol, and the name to answer with; undefined if there is none. */
function choose(protocols: readonly Protocol[], offered: string | null) {
  const names = offered?.split(",").map((name) => name.trim());
  for (const protocol of protocols) {
    if (names === undefined && protocol.subprotocols.length === 0)
      return { protocol, subprotocol: undefined };
    const subprotocol = protocol.subprotocols.find((each) => names?.includes(each));
    if (subprotocol !== undefined) return { protocol, subprotocol };
  }
  return undefined;
}
