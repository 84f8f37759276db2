import { refusal } from "./refusal.ts";

/** `true` or `false` in any case, false when absent. Contract 00 §7. */
export function decodeBoolean(header: string, value: string | undefined): boolean {
  switch (value?.toLowerCase()) {
    case undefined:
    case "false":
      return false;
    case "true":
      return true;
    default:
      throw refusal(header, value ?? "", "is neither true nor false");
  }
}
