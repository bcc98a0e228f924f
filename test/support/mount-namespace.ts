/**
 * A command that mounts what it likes for itself alone: the mounts go with its last process. `script` is a shell's, and
 * gets `args` as `$0`, `$1` and so on. Who is not root is it in there, with no more rights outside than before.
 */
export function inMountNamespace(script: string, args: readonly string[]): string[] {
  const becomeRoot = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  return [
    "unshare",
    ...becomeRoot,
    "--mount",
    "--propagation",
    "unchanged",
    "/bin/sh",
    "-c",
    keepToOneself + script,
    ...args,
  ];
}

/** Fails in a chroot whose root is no mount of its own, where `unshare` would fail too if it were left to it. */
const keepToOneself = "mount --make-rprivate / 2>/dev/null\nPATH=$PATH:/usr/sbin:/sbin\n";
