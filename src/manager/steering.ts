import type { Broker } from "../broker/broker.ts";
import type { ControlOptions } from "../control/control-options.ts";
import { Desk } from "../control/desk.ts";
import { WaitingCommands } from "../control/waiting-commands.ts";
import { Events } from "../events/events.ts";
import type { Auth } from "../gateway/auth/auth.ts";
import { type Announcements, nobodyTold } from "../gateway/clients/announcements.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Logger } from "../ops/logger.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import { Notices } from "../ops/notices.ts";
import type { Presence } from "../presence/presence.ts";
import { attendanceOf } from "./attendance.ts";
import { adminRoutesFor, aloneOr, type ControlParts, clienteleOf, type ManagerState } from "./control.ts";
import { Leavers } from "./leavers.ts";
import type { ManagerOptions } from "./manager-options.ts";
import { presenceMetrics, presenceOf, toldOf } from "./presence.ts";
import { Revoking } from "./revoking.ts";

/** How long a broker may take to confirm the last events, in milliseconds. */
const closeMs = 1000;

/** What the control API and other managers may ask of a manager. */
export interface SteeringParts extends Pick<ManagerState, "readiness" | "waitingBytes" | "drain" | "level"> {
  /** Must not be called before the gateway has been made. */
  gateway(): Gateway;
}

/** What managers tell one another about their clients, and the commands that all of them get from outside. */
export class Steering {
  /** Presence on topics; undefined where managers cannot tell one another. */
  readonly presence: Presence | undefined;
  readonly #events: Events | undefined;
  readonly #revoking: Revoking | undefined;
  readonly #leavers: Leavers;
  readonly #desk: Desk;
  readonly #commands: WaitingCommands;
  readonly #parts: SteeringParts;
  #refusedCount = 0;

  /** @param auth undefined: clients need no token */
  constructor(id: string, broker: Broker, logger: Logger, auth: Auth | undefined, parts: SteeringParts) {
    const { gateway } = parts;
    this.#parts = parts;
    const attendance = attendanceOf(gateway);
    const notices = new Notices(logger);
    const state = { ...parts, events: () => this.#events, revoking: () => this.#revoking };
    const warn = (why: string) =>
      notices.warnOnce("a command on wsmanager.control was not obeyed", "reason", why, () => ({}));
    this.#desk = new Desk(id, clienteleOf(id, gateway, attendance, state), warn);
    this.#commands = new WaitingCommands(
      (body) => this.#desk.take(body),
      () => gateway().loop,
      () => warn("more came than can be obeyed"),
    );
    const events = new Events(id, attendance, logger, (body, answer) => this.#commands.add(body, answer));
    this.#events = broker.attachEvents(events) ? events : undefined;
    this.presence = this.#events && presenceOf(events, attendance);
    this.#leavers = new Leavers((askers) => this.#events?.left(askers));
    this.#revoking = this.#events && new Revoking(events.revokedRecords, auth, gateway, logger);
  }

  /** Receives the gateway's announcements about clients. */
  get announcements(): Announcements {
    const { presence } = this;
    return this.#events === undefined || presence === undefined ? nobodyTold : toldOf(this.#events, presence);
  }

  /** A client that asked requests has disconnected. @param asker its name in correlation ids */
  askerLeft(asker: string): void {
    this.#leavers.left(asker);
  }

  /**
   * The routes of the control API; none without a token.
   *
   * @throws FatalError if the token cannot be used
   */
  adminRoutes(options: ManagerOptions, parts: Pick<ControlParts, "answers" | "once" | "deadLetters">) {
    const askAll: ControlOptions["askAll"] = aloneOr(this.#desk, this.#events);
    const onRefused = () => {
      this.#refusedCount++;
    };
    const { drain, level } = this.#parts;
    return adminRoutesFor(options, {
      ...parts,
      drain,
      level,
      askAll,
      revoking: () => this.#revoking,
      onRefused,
    });
  }

  get metrics(): readonly AnyMetric[] {
    return [
      ...(this.presence === undefined ? [] : presenceMetrics(this.presence)),
      ...(this.#revoking === undefined ? [] : [this.#revoking.metric]),
      {
        name: "warren_api_refused_total",
        type: "counter",
        help: "Requests to the control API without the right token.",
        read: () => this.#refusedCount,
      },
    ];
  }

  /**
   * Stops announcing. Call it after the last client has gone. Other managers hear of that within `timeoutMs`, in milliseconds, if they can
   * be reached.
   */
  async close(timeoutMs = closeMs): Promise<void> {
    this.#leavers.close();
    this.#commands.close();
    this.presence?.close();
    this.#revoking?.close();
    await this.#events?.close(Math.min(closeMs, timeoutMs));
  }
}
