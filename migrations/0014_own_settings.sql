-- What the publisher of a schedule to a topic said itself: at each tick the topic's headers of then take
-- the place of what it left out. An older version that replaces a definition leaves these as they were, so
-- they hold only while their time is that of the definition.
ALTER TABLE schedules ADD COLUMN own_settings bytea, ADD COLUMN own_settings_at timestamptz;
