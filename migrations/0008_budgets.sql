-- What processes have leased of a tenant's budget (1 messages a day, 2 requests a second) in its latest window.
CREATE TABLE budgets (
  tenant_id uuid NOT NULL,
  kind smallint NOT NULL,
  window_number bigint NOT NULL,
  leased bigint NOT NULL,
  leased_before bigint NOT NULL,
  PRIMARY KEY (tenant_id, kind)
) WITH (fillfactor = 50);
