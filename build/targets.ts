/** The platforms that a release is for, by Bun's name for each, with what npm calls them. */
export const targets = {
  "linux-x64": { os: "linux", cpu: "x64", libc: "glibc" },
  "linux-arm64": { os: "linux", cpu: "arm64", libc: "glibc" },
  "linux-x64-musl": { os: "linux", cpu: "x64", libc: "musl" },
  "linux-arm64-musl": { os: "linux", cpu: "arm64", libc: "musl" },
  "darwin-arm64": { os: "darwin", cpu: "arm64", libc: undefined },
  "darwin-x64": { os: "darwin", cpu: "x64", libc: undefined },
  "windows-x64": { os: "win32", cpu: "x64", libc: undefined },
} as const;
export type Target = keyof typeof targets;

export function executableName(target: Target): string {
  return target.startsWith("windows") ? "warren.exe" : "warren";
}

/** The target that is this machine's. */
export function ownTarget(): Target {
  const { platform, arch } = process;
  const os = platform === "win32" ? "windows" : platform;
  const name = Object.keys(targets).find((target) => target === `${os}-${arch}`);
  if (name === undefined) throw new Error(`there is no Warren for ${platform} on ${arch}`);
  return name as Target;
}
