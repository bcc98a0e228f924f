import type { Channel } from "amqplib";
import { reasonOf } from "../../../errors.ts";
import type { Logger } from "../../../ops/logger.ts";
import type { AbandonedGroup } from "../../groups.ts";
import type { Life } from "../connection/life.ts";
import type { GroupWatchTiming } from "../connection/link-timing.ts";
import { declareGroupLedger, followGroups, groupLedger, writeGroup } from "../topology/group-ledger.ts";
import type { Layout } from "../topology/layout.ts";
import type { LiveGroups } from "../topology/live-groups.ts";
import { inspectorOn } from "../topology/queue-inspector.ts";
import { groupQueue } from "../topology/topology.ts";
import { KnownGroups } from "./known-groups.ts";

/** Looks for groups that nobody consumes any more: their queues fill until publishers have to wait. Each is warned of once. */
export class GroupWatch {
  readonly #logger: Logger;
  readonly #timing: GroupWatchTiming;
  readonly #live: LiveGroups;
  readonly #groups = new KnownGroups();
  readonly #warned = new Set<string>();
  #abandoned: readonly AbandonedGroup[] = [];

  /** @param live the groups whose processors this process hears */
  constructor(logger: Logger, timing: GroupWatchTiming, live: LiveGroups) {
    this.#logger = logger;
    this.#timing = timing;
    this.#live = live;
  }

  /** The groups that were abandoned at the last look. */
  get abandoned(): readonly AbandonedGroup[] {
    return this.#abandoned;
  }

  /** All groups of the ledger, and those that were heard, whether or not anybody consumes them. */
  get known(): readonly string[] {
    return this.#groups.names;
  }

  /** @param layout declares the ledger */
  async setUp(life: Life, layout: Pick<Layout, "declare">): Promise<void> {
    await layout.declare(life.connection, declareGroupLedger);
    const channel = await life.channel();
    let timer: NodeJS.Timeout | undefined;
    const look = async () => {
      await this.#look(life, channel);
      timer = life.isOver ? undefined : setTimeout(looked, this.#timing.lookEveryMs);
    };
    const looked = () => {
      look().catch((error: unknown) => life.drop(reasonOf(error)));
    };
    life.onLoss(() => clearTimeout(timer));
    await followGroups(
      channel,
      (record) => this.#groups.take(record, Date.now()),
      () => {
        if (!life.isOver) timer ??= setTimeout(looked, this.#timing.firstLookMs);
      },
      () => life.drop(`the stream ${groupLedger} has gone`),
    );
  }

  async #look(life: Life, channel: Channel): Promise<void> {
    for (const group of this.#live.live()) this.#groups.heard(group, Date.now());
    const names = this.#groups.names;
    const depths = await inspectorOn(life.connection).depths(names.map(groupQueue));
    if (life.isOver) return;
    const byQueue = new Map(depths.map((depth) => [depth.queue, depth]));
    const nowMs = Date.now();
    for (const group of names) this.#groups.looked(group, byQueue.get(groupQueue(group)), nowMs);
    for (const record of this.#groups.due(nowMs)) writeGroup(channel, record, nowMs);
    this.#abandoned = this.#groups.abandoned(nowMs);
    this.#warn();
  }

  #warn(): void {
    const now = new Map(this.#abandoned.map((each) => [each.group, each]));
    for (const group of this.#warned) if (!now.has(group)) this.#warned.delete(group);
    for (const [group, { messages, seenMs }] of now) {
      if (this.#warned.has(group)) continue;
      this.#warned.add(group);
      this.#logger.warn("nobody consumes a group any more, and RabbitMQ keeps all that is published for it", {
        group,
        messages,
        ...(seenMs === undefined ? {} : { lastSeen: new Date(seenMs).toISOString() }),
        mend: `start a processor (--group ${group}), or: warren groups remove ${group}`,
      });
    }
  }
}
