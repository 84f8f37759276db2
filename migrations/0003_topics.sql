CREATE TABLE topics (
  tenant_id uuid NOT NULL,
  name text NOT NULL,
  headers jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, name)
);
--> statement-breakpoint
CREATE TABLE topic_endpoints (
  tenant_id uuid NOT NULL,
  topic_name text NOT NULL,
  position integer NOT NULL,
  url text NOT NULL,
  name text,
  PRIMARY KEY (tenant_id, topic_name, position),
  FOREIGN KEY (tenant_id, topic_name) REFERENCES topics (tenant_id, name) ON DELETE CASCADE
);
