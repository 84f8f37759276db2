import { randomBytes } from "node:crypto";

const MESSAGE_ID = /^msg_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;
const DEAD_LETTER_ID = /^(0|[1-9]\d{0,14})-([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;
const MAX_UUID_TIME_MS = 2 ** 48 - 1;

/** `msg_` and the uuid's 32 digits. Contract 00 §5. */
export function encodeMessageId(uuid: string): string {
  return `msg_${uuid.replaceAll("-", "")}`;
}

/** The uuid of a message id, or null when the text is not one of ours. */
export function decodeMessageId(text: string): string | null {
  const match = MESSAGE_ID.exec(text);
  return match === null ? null : match.slice(1).join("-");
}

/** `scd_` and 28 random characters, for a schedule whose caller chose no id. Contract 00 §5. */
export function makeScheduleId(): string {
  return `scd_${randomBytes(14).toString("hex")}`;
}

/** `<unix ms>-<rest>`: the entry's uuidv7 with its time written in decimal. Contract 00 §5. */
export function encodeDeadLetterId(uuid: string): string {
  const digits = uuid.replaceAll("-", "");
  return `${Number.parseInt(digits.slice(0, 12), 16)}-${digits.slice(12)}`;
}

/** When an entry came to be, Unix milliseconds, as its id, which has to be one of ours, tells. */
export function deadLetterTimeMs(id: string): number {
  return Number(id.slice(0, id.indexOf("-")));
}

/** The uuid of a dead letter's id, or null when the text is not one of ours. */
export function decodeDeadLetterId(text: string): string | null {
  const [, decimal = "", ...rest] = DEAD_LETTER_ID.exec(text) ?? [];
  const timeMs = Number(decimal);
  if (decimal === "" || timeMs > MAX_UUID_TIME_MS) return null;
  const time = timeMs.toString(16).padStart(12, "0");
  return [time.slice(0, 8), time.slice(8), ...rest].join("-");
}
