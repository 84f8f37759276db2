-- Gate 3: deliveries of a tenant that has enough slow attempts under way, in the order they came.
CREATE INDEX deliveries_parked ON deliveries (tenant_id, position) WHERE gate = 3;
