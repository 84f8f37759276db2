-- What the address of a change does not say: the id of what was made, the settings that were given. Entries
-- of an older version have none.
ALTER TABLE audit_log ADD COLUMN detail text;
