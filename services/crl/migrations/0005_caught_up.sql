-- Everything that ca had committed by then is in the entries. Microseconds since 1970; NULL: the feed was never read to its end.
ALTER TABLE snapshots ADD COLUMN caught_up_us BIGINT;
