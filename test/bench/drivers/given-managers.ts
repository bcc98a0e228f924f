/** A manager that a driver is told of. */
export interface GivenManager {
  readonly pid: number;
  readonly url: URL;
}

/** What `PID=URL` in a driver's arguments stands for. */
export function givenManagers(args: readonly string[]): readonly GivenManager[] {
  return args.map((argument) => {
    const at = argument.indexOf("=");
    return { pid: Number(argument.slice(0, at)), url: new URL(argument.slice(at + 1)) };
  });
}
