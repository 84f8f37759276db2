-- Row-level security as the second wall, behind the tenant of every statement. The two roles are made
-- before the migrations (packages/db/src/ensure-roles.ts). Every table with a tenant_id gets its wall by
-- this function: a table of a later migration in that migration, a partition where it is made. A
-- partition takes no policy of the tenant, who reaches its rows through its table only.
CREATE FUNCTION raise_wall(target regclass, is_partition boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY engine ON %s TO omnistore_engine USING (true)', target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO omnistore_engine', target);
  IF is_partition THEN
    RETURN;
  END IF;
  EXECUTE format(
    'CREATE POLICY tenant ON %s TO omnistore_tenant '
    'USING (tenant_id = nullif(current_setting(''omnistore.tenant'', true), '''')::uuid)', target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO omnistore_tenant', target);
END $$;
--> statement-breakpoint
SELECT raise_wall(c.oid, c.relispartition) FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
ORDER BY c.relispartition, c.relname;
--> statement-breakpoint
-- Of its own row a tenant's statements may lock it and change the signing keys: not the plan, not the standing.
REVOKE INSERT, UPDATE, DELETE ON tenants FROM omnistore_tenant;
--> statement-breakpoint
GRANT UPDATE (current_signing_key, next_signing_key) ON tenants TO omnistore_tenant;
--> statement-breakpoint
REVOKE INSERT, UPDATE, DELETE ON usage_hours, budgets FROM omnistore_tenant;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON dispatchers TO omnistore_engine;
--> statement-breakpoint
-- It holds nothing of tenants, and how many there are is part of a tenant's global parallelism.
GRANT SELECT ON dispatchers TO omnistore_tenant;
--> statement-breakpoint
GRANT USAGE ON SEQUENCE delivery_positions TO omnistore_engine, omnistore_tenant;
--> statement-breakpoint
-- Readiness asks whether this version's migrations are there.
GRANT USAGE ON SCHEMA drizzle TO omnistore_engine;
--> statement-breakpoint
GRANT SELECT ON drizzle.__drizzle_migrations TO omnistore_engine;
--> statement-breakpoint
DO $$
BEGIN
  IF NOT has_schema_privilege('omnistore_engine', current_schema(), 'USAGE') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO omnistore_engine, omnistore_tenant', current_schema());
  END IF;
END $$;
