-- A schedule that goes to a topic makes several messages at one tick.
ALTER TABLE schedule_ticks ALTER COLUMN message_id TYPE uuid[] USING ARRAY[message_id];
--> statement-breakpoint
ALTER TABLE schedule_ticks RENAME COLUMN message_id TO message_ids;
