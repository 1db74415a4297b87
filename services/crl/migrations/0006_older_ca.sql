-- 1: an operator has accepted an older database of ca. What the feed says of places is of another past; the next snapshot is taken from
-- that database, and what it does not have, ca lost.
ALTER TABLE snapshots ADD COLUMN older_ca BIGINT NOT NULL DEFAULT 0;
