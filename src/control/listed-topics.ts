/** How many topics a manager lists. Clients can make up any number, and a large answer would not get through RabbitMQ. */
export const topicsListedMax = 1000;

/** A topic or pattern, and how many subscribe to it. */
type Counted = readonly [topic: string, subscribers: number];

/** The topics with the most subscribers, and how many others there are. */
export function listedTopics(
  all: readonly Counted[],
  max = topicsListedMax,
): { topics: Counted[]; others: number } {
  const least = all.length <= max ? 0 : leastListed(all, max);
  const topics: Counted[] = [];
  const equal: Counted[] = [];
  for (const counted of all) {
    if (counted[1] > least) topics.push(counted);
    else if (counted[1] === least && equal.length < max) equal.push(counted);
  }
  topics.push(...equal.slice(0, max - topics.length));
  return { topics, others: all.length - topics.length };
}

/** How many subscribers the last of the listed topics has. To sort all topics would hold up clients. */
function leastListed(all: readonly Counted[], max: number): number {
  const topicsWith = new Map<number, number>();
  for (const [, subscribers] of all) topicsWith.set(subscribers, (topicsWith.get(subscribers) ?? 0) + 1);
  let listed = 0;
  for (const [subscribers, topics] of [...topicsWith].sort(([one], [other]) => other - one)) {
    listed += topics;
    if (listed >= max) return subscribers;
  }
  return 0;
}
