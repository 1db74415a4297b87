-- Until when, by the clock of this service, certificates have expired whose entries were removed. Where the clock is before that, it was
-- ahead then, and entries may be missing: a snapshot of ca brings them back.
ALTER TABLE snapshots ADD COLUMN removed_until_us BIGINT;
