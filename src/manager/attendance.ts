import type { AttendanceByTurns, Attendee } from "../events/attendance.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { ScanByTurns } from "./scan-by-turns.ts";

/** The clients of a gateway, for those that tell others of them. @param gateway not called before its clients are asked for */
export function attendanceOf(gateway: () => Gateway): AttendanceByTurns {
  const forEach = (visit: (client: Attendee) => void) => gateway().forEach(visit);
  return {
    get loop() {
      return gateway().loop;
    },
    forEach,
    scan: (see, onDone) => {
      const all = new Set<Attendee>();
      forEach((client) => void all.add(client));
      return new ScanByTurns(gateway().loop, all, see, onDone);
    },
  };
}
