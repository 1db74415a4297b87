-- What a requester has waiting, and what is kept of theirs. Both columns are asked for: with one of them, SQLite takes any index
-- on the requester, and reads the jobs of a whole month.
DROP INDEX jobs_unfinished_of_requester;
CREATE INDEX jobs_of_requester_by_end ON jobs (requester, ended_us, id);
-- In which form the request is written: a process takes the jobs whose form it knows.
ALTER TABLE jobs ADD COLUMN format BIGINT NOT NULL DEFAULT 1;
