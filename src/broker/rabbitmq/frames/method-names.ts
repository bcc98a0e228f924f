/** AMQP's names of the classes and methods that Warren uses, by their numbers: `queue.declare` is 50 and 10. */
const classNames = new Map([
  [20, "channel"],
  [40, "exchange"],
  [50, "queue"],
  [60, "basic"],
  [85, "confirm"],
]);
const methodNames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    channel: { open: 10, close: 40 },
    exchange: { declare: 10, delete: 20, bind: 30, unbind: 40 },
    queue: { declare: 10, bind: 20, delete: 40, unbind: 50 },
    basic: { qos: 10, consume: 20, cancel: 30 },
    confirm: { select: 10 },
  }).flatMap(([of, methods]) =>
    Object.entries(methods).map(([name, number]): [string, string] => [`${of} ${number}`, `${of}.${name}`]),
  ),
);

/**
 * The name of a method.
 *
 * @param method amqplib's number: the class in the upper 16 bits
 */
export function nameOf(method: number): string {
  const [classNumber, number] = [method >>> 16, method & 0xffff];
  return methodNames.get(`${classNames.get(classNumber)} ${number}`) ?? `method ${classNumber}.${number}`;
}
