-- How many of the starts of a period opened it: without them a receiver's own period begins later.
ALTER TABLE gates ADD COLUMN opening_count integer NOT NULL DEFAULT 0;
