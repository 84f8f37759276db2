import type { Method, WireName } from "@omnistore/domain/message/message";
import type { ScheduleTemplate } from "@omnistore/domain/schedule/schedule";

import type { DataKey, Place } from "../data-key.ts";
import { fromColumns, SEALED, type ContentColumns } from "../sealed-content.ts";
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

/** The publisher's own settings as they are stored: sealed by the tenant's key, or in clear without one. */
export function ownSettingsColumn(
  text: string | undefined,
  { tenantId, id }: Pick<Place, "tenantId" | "id">,
  key: DataKey | null,
): Buffer | null {
  if (text === undefined) return null;
  return key === null ? Buffer.from(text) : key.seal(ownSettingsPlace(tenantId, id), text);
}

/** Sealed exactly when the headers of the same row are. Throws when they cannot be opened. */
export function readOwnSettings(
  row: Pick<TemplateRow, "tenant_id" | "id" | "headers">,
  stored: Buffer,
  keys: DataKeys,
): string {
  if (row.headers !== SEALED) return stored.toString("utf8");
  const key = keys.get(row.tenant_id);
  if (key === undefined) throw new Error(`the key of tenant ${row.tenant_id} is not there`);
  return key.open(ownSettingsPlace(row.tenant_id, row.id), stored).toString("utf8");
}

function ownSettingsPlace(tenantId: string, id: string): Place {
  return { kind: "schedule settings", tenantId, id };
}

export function schedulePlace(tenantId: string, id: string): Place {
  return { kind: "schedule", tenantId, id };
}
