import { canonicalHeaderName } from "@omnistore/domain/message/header-names";
import type { Redaction } from "@omnistore/domain/message/redaction";
import { isFieldName } from "./field-text.ts";
import { refusal } from "./refusal.ts";

const HEADER = "Upstash-Redact-Fields";
const ONE_HEADER = /^headers?\[(.*)\]$/i;

/** `Upstash-Redact-Fields`: `body`, `header`, `header[Name]`, separated by commas. Contract 01 §7. */
export function decodeRedaction(value: string | undefined): Redaction | undefined {
  if (value === undefined) return undefined;
  let body = false;
  let allHeaders = false;
  const names = new Set<string>();
  for (const part of value.split(",")) {
    const field = part.trim();
    const lower = field.toLowerCase();
    if (lower === "body") body = true;
    else if (lower === "header" || lower === "headers") allHeaders = true;
    else names.add(headerName(field));
  }
  return { body, headers: allHeaders ? "all" : [...names] };
}

function headerName(field: string): string {
  const name = ONE_HEADER.exec(field)?.[1]?.trim() ?? "";
  if (isFieldName(name)) return canonicalHeaderName(name);
  throw refusal(HEADER, field, "is none of body, header, header[Name]");
}
