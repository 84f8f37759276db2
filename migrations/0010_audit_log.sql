CREATE TABLE audit_log (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  logged_on date NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT now(),
  token_id uuid,
  token_name text,
  action text NOT NULL,
  query text NOT NULL,
  asked_from text,
  is_done boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant_id, id, logged_on)
) PARTITION BY RANGE (logged_on);
