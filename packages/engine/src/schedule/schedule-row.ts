import type {
  HeaderMap,
  MessageOptions,
  Method,
  WireName,
} from "@omnistore/domain/message/message";
import type { ScheduleTemplate } from "@omnistore/domain/schedule/schedule";

/** The columns of a schedule that say what its ticks make, in the shape that the driver returns. */
export const TEMPLATE_COLUMNS = `s.wire, s.destination, s.method, s.headers, s.body,
  s.delay_ms::float8, s.max_retries, s.options`;

export interface TemplateRow {
  readonly wire: WireName;
  readonly destination: string;
  readonly method: Method;
  readonly headers: HeaderMap;
  readonly body: Buffer;
  readonly delay_ms: number | null;
  readonly max_retries: number;
  readonly options: MessageOptions | null;
}

export function readTemplate(row: TemplateRow): ScheduleTemplate {
  return {
    wire: row.wire,
    destination: row.destination,
    method: row.method,
    headers: row.headers,
    body: row.body,
    ...(row.delay_ms === null ? {} : { delayMs: row.delay_ms }),
    maxRetries: row.max_retries,
    options: row.options ?? {},
  };
}
