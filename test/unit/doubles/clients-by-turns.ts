import type { AttendanceByTurns, Attendee } from "../../../src/events/attendance.ts";
import { ScanByTurns } from "../../../src/manager/scan-by-turns.ts";
import { LoopTime } from "../../../src/ops/loop-time.ts";

/** Clients that are scanned in turns of the event loop, as a gateway's are. */
export class ClientsByTurns<Client extends Attendee> extends Set<Client> implements AttendanceByTurns {
  readonly loop = new LoopTime();

  scan(see: (client: Attendee) => void, onDone: () => void): ScanByTurns {
    return new ScanByTurns(this.loop, new Set<Attendee>(this), see, onDone);
  }
}
