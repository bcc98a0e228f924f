import { dlopen, type FFIFunction, type Library } from "bun:ffi";

const libraries = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/** Functions of the system's C library. Undefined if this is not Linux, or if such calls are not allowed. */
export function openLibc<const Functions extends Record<string, FFIFunction>>(
  functions: Functions,
): Library<Functions>["symbols"] | undefined {
  if (process.platform !== "linux") return undefined;
  for (const library of libraries) {
    try {
      return dlopen(library, functions).symbols;
    } catch {
      // Try the next library.
    }
  }
  return undefined;
}
