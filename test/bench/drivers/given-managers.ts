/** A manager that is given to a driver. */
export interface GivenManager {
  readonly pid: number;
  readonly url: URL;
}

/** Parses `PID=URL` of a driver's arguments. */
export function givenManagers(args: readonly string[]): readonly GivenManager[] {
  return args.map((argument) => {
    const at = argument.indexOf("=");
    return { pid: Number(argument.slice(0, at)), url: new URL(argument.slice(at + 1)) };
  });
}
