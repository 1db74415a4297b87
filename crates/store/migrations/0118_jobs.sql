-- Work that one process does at a time, by name. The fence grows with every holder and is looked at in the transaction of
-- each effect: a process that was away too long and is no holder any more changes nothing. Times are microseconds since the
-- Unix epoch by the clock of the database, which all replicas share.
CREATE TABLE leases (
    name     TEXT   NOT NULL PRIMARY KEY,
    holder   TEXT   NOT NULL,
    fence    BIGINT NOT NULL,
    until_us BIGINT NOT NULL,
    -- When periodic work of this name was last done; 0 if never.
    done_us  BIGINT NOT NULL
);

-- Long work that was accepted: it is done to its end, whichever process dies.
CREATE TABLE jobs (
    id                UUID   NOT NULL PRIMARY KEY,
    kind              TEXT   NOT NULL,
    requester         TEXT   NOT NULL,
    -- JSON: what was asked for, and by whose rights.
    request           TEXT   NOT NULL,
    -- queued, running, done, canceled or failed.
    state             TEXT   NOT NULL,
    -- Whether all items are known, and where to go on until they are.
    collected         BOOLEAN NOT NULL,
    collect_cursor    TEXT,
    failure           TEXT,
    created_us        BIGINT NOT NULL,
    started_us        BIGINT,
    ended_us          BIGINT,
    cancel_us         BIGINT,
    canceled_by       TEXT,
    -- How many items are in which state, once it has ended.
    pending_items     BIGINT,
    done_items        BIGINT,
    skipped_items     BIGINT,
    failed_items      BIGINT,
    -- The Idempotency-Key of the request and what it asked for.
    key_sha256        BYTEA UNIQUE,
    request_sha256    BYTEA,
    correlation_id    TEXT,
    traceparent       TEXT
);
CREATE INDEX jobs_unfinished ON jobs (id) WHERE ended_us IS NULL;
CREATE INDEX jobs_of_requester ON jobs (requester, id);

CREATE TABLE job_items (
    job      UUID   NOT NULL,
    position BIGINT NOT NULL,
    object   TEXT   NOT NULL,
    -- pending, done, skipped or failed.
    state    TEXT   NOT NULL,
    detail   TEXT,
    done_us  BIGINT,
    PRIMARY KEY (job, position),
    UNIQUE (job, object)
);
CREATE INDEX job_items_by_state ON job_items (job, state, position);
