-- Whose job is next, how much a requester has waiting, and what is old, without reading the jobs of a whole month.
CREATE INDEX jobs_unfinished_of_requester ON jobs (requester, id) WHERE ended_us IS NULL;
CREATE INDEX jobs_served ON jobs (requester, started_us);
CREATE INDEX jobs_ended ON jobs (ended_us);
CREATE INDEX jobs_remembered ON jobs (created_us) WHERE key_sha256 IS NOT NULL;
