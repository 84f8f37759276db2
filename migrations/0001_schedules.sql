CREATE TABLE schedules (
  tenant_id uuid NOT NULL,
  id text NOT NULL,
  cron text NOT NULL,
  wire text NOT NULL,
  destination text NOT NULL,
  method text NOT NULL,
  headers jsonb NOT NULL,
  body bytea NOT NULL,
  delay_ms bigint,
  max_retries integer NOT NULL,
  options jsonb,
  is_paused boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  next_run_at timestamptz,
  last_run_at timestamptz,
  last_error text,
  PRIMARY KEY (tenant_id, id)
) WITH (
  -- A tick rewrites the row: room for that on its own page.
  fillfactor = 70
);
--> statement-breakpoint
ALTER TABLE schedules ALTER COLUMN body SET STORAGE EXTERNAL;
--> statement-breakpoint
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE next_run_at IS NOT NULL;
--> statement-breakpoint
CREATE TABLE schedule_ticks (
  tenant_id uuid NOT NULL,
  schedule_id text NOT NULL,
  tick_at timestamptz NOT NULL,
  ticked_on date NOT NULL,
  message_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, schedule_id, tick_at, ticked_on)
) PARTITION BY RANGE (ticked_on);
