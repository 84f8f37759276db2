-- One row for each tenant of each batch that was written; a job moves them into usage_hours.
CREATE TABLE usage_batches (
  tenant_id uuid NOT NULL,
  used_on date NOT NULL,
  hour timestamptz NOT NULL,
  publishes integer NOT NULL DEFAULT 0,
  deliveries integer NOT NULL DEFAULT 0,
  attempts integer NOT NULL DEFAULT 0,
  bytes_in bigint NOT NULL DEFAULT 0,
  bytes_out bigint NOT NULL DEFAULT 0
) PARTITION BY RANGE (used_on);
--> statement-breakpoint
CREATE INDEX usage_batches_hour ON usage_batches (tenant_id, hour);
--> statement-breakpoint
CREATE TABLE usage_hours (
  tenant_id uuid NOT NULL,
  hour timestamptz NOT NULL,
  publishes bigint NOT NULL,
  deliveries bigint NOT NULL,
  attempts bigint NOT NULL,
  bytes_in bigint NOT NULL,
  bytes_out bigint NOT NULL,
  PRIMARY KEY (tenant_id, hour)
);
