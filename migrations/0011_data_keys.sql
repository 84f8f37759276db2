-- What a tenant keeps here is sealed by a key of its own, which the operator's key of this id wraps.
-- Null until an earlier version's tenant is met for the first time.
ALTER TABLE tenants ADD COLUMN data_key bytea, ADD COLUMN encryption_key_id text;
--> statement-breakpoint
ALTER TABLE topics ADD COLUMN sealed_headers bytea;
