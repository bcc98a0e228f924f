import { readFileSync, statSync } from "node:fs";
import { FatalError, reasonOf } from "./errors.ts";

/** The largest file that is read, in bytes: many times what all certificate authorities of a system take. */
export const optionFileBytesMax = 4 * 1024 ** 2;

/**
 * Reads a file that an option names: a password, a token, keys or certificates. Only a regular file is read, which may be behind a symbolic
 * link: a pipe would block this process, and a device might never end.
 *
 * @throws FatalError with one line that names the file, and never its content
 */
export function readOptionFile(flag: string, path: string): Buffer {
  try {
    const is = statSync(path);
    if (!is.isFile()) throw new Error("it is no regular file");
    if (is.size > optionFileBytesMax) throw new Error(`it is larger than ${optionFileBytesMax} bytes`);
    return readFileSync(path);
  } catch (error) {
    throw new FatalError(`${flag} ${path} cannot be read: ${reasonOf(error)}`);
  }
}
