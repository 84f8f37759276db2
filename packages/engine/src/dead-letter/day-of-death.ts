import { uuidTime } from "@omnistore/domain/message/message-id";
import { utcDay, utcDayText } from "@omnistore/domain/message/utc-day";

/** The partition of a dead letter: `YYYY-MM-DD`, UTC, of the time that its id holds. */
export function dayOfDeath(id: string): string {
  return utcDayText(utcDay(uuidTime(id)));
}
