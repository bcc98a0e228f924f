/**
 * Reads the flags of a program. It ends with the help if that is asked for, and with the error's text if a flag is wrong.
 *
 * @param read throws an Error whose text says which flag is wrong
 */
export function readFlags<F extends { readonly help: boolean }>(help: string, read: () => F): F {
  let flags: F;
  try {
    flags = read();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
  if (!flags.help) return flags;
  process.stdout.write(help);
  process.exit(0);
}
