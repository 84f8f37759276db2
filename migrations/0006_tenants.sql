ALTER TABLE tenants
  ADD COLUMN plan text NOT NULL DEFAULT 'pay-as-you-go',
  ADD COLUMN limits jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN suspended_at timestamptz,
  ADD COLUMN deletion_asked_at timestamptz,
  ADD COLUMN deleted_rows jsonb;
--> statement-breakpoint
ALTER TABLE tokens
  ADD COLUMN prefix text NOT NULL DEFAULT '',
  ADD COLUMN expires_at timestamptz,
  ADD COLUMN last_used_at timestamptz;
