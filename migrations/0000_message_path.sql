CREATE TABLE tenants (
  tenant_id uuid PRIMARY KEY,
  name text NOT NULL,
  current_signing_key bytea NOT NULL,
  next_signing_key bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE TABLE tokens (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  hash bytea NOT NULL,
  role text NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, hash)
);
--> statement-breakpoint
CREATE TABLE messages (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  expires_on date NOT NULL,
  not_before timestamptz NOT NULL,
  wire text NOT NULL,
  destination text NOT NULL,
  method text NOT NULL,
  headers jsonb NOT NULL,
  body bytea NOT NULL,
  max_retries integer NOT NULL,
  options jsonb,
  PRIMARY KEY (tenant_id, id, expires_on)
) PARTITION BY RANGE (expires_on);
--> statement-breakpoint
-- Bodies are kept as they came: compressing them costs more on the path of a message than it saves.
ALTER TABLE messages ALTER COLUMN body SET STORAGE EXTERNAL;
--> statement-breakpoint
CREATE TABLE deliveries (
  tenant_id uuid NOT NULL,
  message_id uuid NOT NULL,
  due_at timestamptz,
  virtual_time bigint,
  owner uuid,
  leased_at timestamptz,
  retried integer NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, message_id),
  CONSTRAINT deliveries_one_state CHECK (num_nonnulls(due_at, virtual_time, owner) = 1)
) WITH (
  fillfactor = 70,
  -- Rows live for milliseconds: vacuum by what died, not by a share of a table that a backlog makes huge.
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_insert_scale_factor = 0.5,
  autovacuum_analyze_scale_factor = 0.5,
  autovacuum_vacuum_cost_delay = 0
);
--> statement-breakpoint
CREATE INDEX deliveries_delayed ON deliveries (due_at) WHERE due_at IS NOT NULL;
--> statement-breakpoint
CREATE INDEX deliveries_ready ON deliveries (virtual_time) WHERE virtual_time IS NOT NULL;
--> statement-breakpoint
CREATE INDEX deliveries_leased ON deliveries (owner) WHERE owner IS NOT NULL;
--> statement-breakpoint
CREATE TABLE delivery_logs (
  tenant_id uuid NOT NULL,
  message_id uuid NOT NULL,
  retried integer NOT NULL,
  logged_on date NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  outcome text NOT NULL,
  next_due_at timestamptz,
  status integer,
  response_headers jsonb,
  response_body bytea,
  error text,
  PRIMARY KEY (tenant_id, message_id, retried, logged_on)
) PARTITION BY RANGE (logged_on);
--> statement-breakpoint
CREATE INDEX delivery_logs_ended ON delivery_logs (tenant_id, ended_at);
--> statement-breakpoint
CREATE INDEX delivery_logs_started ON delivery_logs (tenant_id, started_at);
--> statement-breakpoint
CREATE TABLE dead_letters (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  died_on date NOT NULL,
  message_id uuid NOT NULL,
  died_at timestamptz NOT NULL,
  status integer,
  response_headers jsonb,
  response_body bytea,
  error text,
  PRIMARY KEY (tenant_id, id, died_on)
) PARTITION BY RANGE (died_on);
--> statement-breakpoint
CREATE TABLE deduplications (
  tenant_id uuid NOT NULL,
  key bytea NOT NULL,
  message_id uuid NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, key)
);
--> statement-breakpoint
CREATE INDEX deduplications_expiry ON deduplications (expires_at);
--> statement-breakpoint
CREATE TABLE dispatchers (
  id uuid PRIMARY KEY,
  heartbeat_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
--> statement-breakpoint
-- Unix milliseconds of a uuidv7; written out because Postgres knows it only from version 18 on.
CREATE FUNCTION uuid_unix_ms(id uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint;
--> statement-breakpoint
-- The partition of a message: the day of its id plus the days that the id holds after its version.
CREATE FUNCTION message_expiry_day(id uuid) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (to_timestamp(uuid_unix_ms(id) / 1000.0) AT TIME ZONE 'UTC')::date
  + ('x' || substr(id::text, 16, 3))::bit(12)::integer;
