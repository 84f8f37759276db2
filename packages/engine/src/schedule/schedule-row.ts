import type { Method, WireName } from "@omnistore/domain/message/message";
import type { ScheduleTemplate } from "@omnistore/domain/schedule/schedule";

import type { Place } from "../data-key.ts";
import { fromColumns, type ContentColumns } from "../sealed-content.ts";
import type { DataKeys } from "../vault.ts";

/** The columns of a schedule that say what its ticks make, in the shape that the driver returns. */
export const TEMPLATE_COLUMNS = `s.tenant_id, s.id, s.wire, s.destination, s.method, s.headers, s.body,
  s.delay_ms::float8, s.max_retries, s.options`;

export interface TemplateRow extends ContentColumns {
  readonly tenant_id: string;
  readonly id: string;
  readonly wire: WireName;
  readonly destination: string;
  readonly method: Method;
  readonly delay_ms: number | null;
  readonly max_retries: number;
}

/** Throws when what it sends is sealed and cannot be opened. */
export function readTemplate(row: TemplateRow, keys: DataKeys): ScheduleTemplate {
  return {
    wire: row.wire,
    destination: row.destination,
    method: row.method,
    ...(row.delay_ms === null ? {} : { delayMs: row.delay_ms }),
    maxRetries: row.max_retries,
    ...fromColumns(row, schedulePlace(row.tenant_id, row.id), keys),
  };
}

export function schedulePlace(tenantId: string, id: string): Place {
  return { kind: "schedule", tenantId, id };
}
