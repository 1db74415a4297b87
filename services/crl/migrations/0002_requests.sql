-- Set while someone asked for a list to be made now: the last CRL number that was taken by then. A complete list with a higher number
-- has been begun since.
ALTER TABLE scopes ADD COLUMN requested BIGINT;
