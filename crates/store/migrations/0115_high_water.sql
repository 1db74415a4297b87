-- Counts up while the database changes. A file outside the database holds a number that was durable here before: a database
-- that is behind it was copied back from an older state.
ALTER TABLE installation ADD COLUMN mark BIGINT NOT NULL DEFAULT 0;
