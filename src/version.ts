import manifest from "../package.json" with { type: "json" };

/** The version of Warren, from `package.json`. */
export const version: string = manifest.version;
