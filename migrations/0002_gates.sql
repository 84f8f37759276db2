-- One row for each FIFO queue and each flow-control key: its rules, and when to look at it next.
CREATE TABLE gates (
  tenant_id uuid NOT NULL,
  -- 1 queue, 2 flow-control key: also the order in which a delivery passes them, and locks are taken.
  kind smallint NOT NULL,
  name text NOT NULL,
  parallelism integer,
  rate integer,
  period_seconds integer NOT NULL DEFAULT 1,
  is_paused boolean NOT NULL DEFAULT false,
  is_pinned_parallelism boolean NOT NULL DEFAULT false,
  is_pinned_rate boolean NOT NULL DEFAULT false,
  rate_count integer NOT NULL DEFAULT 0,
  period_started_at timestamptz,
  due_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, kind, name)
) WITH (fillfactor = 70);
--> statement-breakpoint
CREATE INDEX gates_due ON gates (due_at) WHERE due_at IS NOT NULL;
--> statement-breakpoint
-- Arrival order of what waits at a gate: taken at commit, so it holds over processes and clocks.
CREATE SEQUENCE delivery_positions CACHE 1;
--> statement-breakpoint
ALTER TABLE deliveries
  ADD COLUMN queue text,
  ADD COLUMN queue_passed boolean NOT NULL DEFAULT false,
  ADD COLUMN flow_key text,
  ADD COLUMN gate smallint,
  ADD COLUMN position bigint,
  DROP CONSTRAINT deliveries_one_state,
  ADD CONSTRAINT deliveries_one_state CHECK (num_nonnulls(due_at, virtual_time, owner, gate) = 1);
--> statement-breakpoint
CREATE INDEX deliveries_at_queue ON deliveries (tenant_id, queue, position) WHERE gate = 1;
--> statement-breakpoint
CREATE INDEX deliveries_in_queue ON deliveries (tenant_id, queue) WHERE queue_passed;
--> statement-breakpoint
CREATE INDEX deliveries_at_flow ON deliveries (tenant_id, flow_key, position) WHERE gate = 2;
--> statement-breakpoint
CREATE INDEX deliveries_in_flow ON deliveries (tenant_id, flow_key) WHERE flow_key IS NOT NULL AND owner IS NOT NULL;
--> statement-breakpoint
-- A queue's messages that are still delayed; with the two indexes above, everything that is in a queue.
CREATE INDEX deliveries_before_queue ON deliveries (tenant_id, queue)
  WHERE queue IS NOT NULL AND NOT queue_passed AND gate IS NULL;
