-- What did not go well, newest first: without it the log of a tenant whose messages all arrive is
-- searched to its beginning for retries. Costs a success nothing.
CREATE INDEX delivery_logs_not_delivered ON delivery_logs (tenant_id, ended_at)
  WHERE outcome <> 'delivered';
