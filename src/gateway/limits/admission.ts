import type { Server } from "bun";
import type { Metric } from "../../ops/metrics.ts";
import { Seat } from "../clients/seat.ts";
import { neighbourhoodOf, TrustedProxies } from "../guards/address.ts";
import { Refused } from "../guards/refusals.ts";
import { clientsThatFilesAllow } from "./open-files.ts";
import { TokenBucket } from "./token-bucket.ts";

/** How many clients may connect. */
export interface AdmissionOptions {
  /** Undefined: as many as the limit of open files allows. */
  readonly maxClients: number | undefined;
  /** 0: no limit. */
  readonly maxClientsPerAddress: number;
  /** 0: no limit. */
  readonly maxConnectionsPerSecond: number;
  /** Networks of proxies whose X-Forwarded-For is believed. */
  readonly trustProxy: readonly string[] | undefined;
}

/** If tokens are needed, clients that still have to show one get at most this part of the seats. */
const partWithoutToken = 1 / 4;

/** Limits how many clients may be connected, in all and from one address, and how many may connect in a second. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #clientsMax: number;
  readonly #proxies: TrustedProxies;
  readonly #bucket: TokenBucket | undefined;
  readonly #byAddress = new Map<string, number>();
  #clients = 0;
  #withoutToken = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#clientsMax = options.maxClients ?? clientsThatFilesAllow();
    this.#proxies = new TrustedProxies(options.trustProxy ?? []);
    const perSecond = options.maxConnectionsPerSecond;
    this.#bucket = perSecond === 0 ? undefined : new TokenBucket(perSecond, performance.now());
  }

  readonly metrics: readonly Metric[] = [
    {
      name: "warren_clients_max",
      type: "gauge",
      help: "How many clients may be connected.",
      read: () => this.#clientsMax,
    },
  ];

  /**
   * Returns a seat for a client that asks to connect, or why there is none. A seat has to be given back, once.
   *
   * @param isWithoutToken whether the client still has to show a token: call `showed` when it has
   */
  takeSeat(
    request: Request,
    server: Pick<Server<unknown>, "requestIP">,
    isWithoutToken = false,
  ): Seat | Refused {
    const perAddress = this.#options.maxClientsPerAddress;
    const address = perAddress === 0 ? undefined : this.#addressOf(request, server);
    const present = address === undefined ? 0 : (this.#byAddress.get(address) ?? 0);
    if (address !== undefined && present >= perAddress) return new Refused("tooManyFromAddress");
    if (this.#clients >= this.#clientsMax) return new Refused("tooManyClients");
    if (isWithoutToken && this.#withoutToken >= this.#withoutTokenMax)
      return new Refused("tooManyWithoutToken");
    // The rate comes last, so that refused clients take nothing from others.
    if (this.#bucket?.take(performance.now()) === false) return new Refused("tooManyAtOnce");
    if (address !== undefined) this.#byAddress.set(address, present + 1);
    this.#clients++;
    if (isWithoutToken) this.#withoutToken++;
    return new Seat(address, isWithoutToken);
  }

  /** The client on this seat has shown a valid token. */
  showed(seat: Seat): void {
    if (!seat.isWithoutToken) return;
    seat.isWithoutToken = false;
    this.#withoutToken--;
  }

  giveBackSeat(seat: Seat): void {
    this.showed(seat);
    const { address } = seat;
    this.#clients--;
    if (address === undefined) return;
    const present = this.#byAddress.get(address)!;
    if (present > 1) this.#byAddress.set(address, present - 1);
    else this.#byAddress.delete(address);
  }

  get #withoutTokenMax(): number {
    return Math.max(1, Math.floor(this.#clientsMax * partWithoutToken));
  }

  #addressOf(request: Request, server: Pick<Server<unknown>, "requestIP">): string {
    const peer = server.requestIP(request)?.address ?? "";
    return neighbourhoodOf(this.#proxies.clientOf(peer, request.headers.get("x-forwarded-for")));
  }
}
