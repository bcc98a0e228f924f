import { version as warrenVersion } from "../../version.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import { frameText, type Version } from "../../wire/stomp/frames.ts";
import { heartBeatMs } from "./heart-beats.ts";

/** The version to use. @throws StompFault if the client and Warren have none in common */
export function versionOf(accepted = "1.0"): Version {
  const versions = accepted.split(",").map((version) => version.trim());
  if (versions.includes("1.2")) return "1.2";
  if (versions.includes("1.1")) return "1.1";
  throw new StompFault("this is a server of STOMP 1.2 and 1.1: say accept-version:1.2", {
    headers: [["version", "1.2,1.1"]],
  });
}

/** The frame that answers CONNECT. */
export function connected(clientId: string, version: Version): string {
  return frameText(
    "CONNECTED",
    [
      ["version", version],
      ["server", `warren/${warrenVersion}`],
      ["client-id", clientId],
      ["heart-beat", `${heartBeatMs},${heartBeatMs}`],
    ],
    "",
    version,
  );
}
