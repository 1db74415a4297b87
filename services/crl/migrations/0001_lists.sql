-- One statement list for both databases: types and functions that PostgreSQL and SQLite share. Times are microseconds since 1970.

-- Issuer generations as ca tells them; kept, so that their lists go on without ca.
CREATE TABLE issuers (
    issuer      TEXT   NOT NULL PRIMARY KEY,
    ca          TEXT   NOT NULL,
    -- Name of its key in keymgr; empty where the lists are signed elsewhere.
    key_name    TEXT   NOT NULL,
    certificate BYTEA  NOT NULL,
    shards      BIGINT NOT NULL
);

-- What one list covers: a shard of an issuer, or in shard 0 all that is in no shard.
CREATE TABLE scopes (
    issuer  TEXT   NOT NULL,
    shard   BIGINT NOT NULL,
    -- Number of the last transaction that changed its entries.
    changes BIGINT NOT NULL,
    -- The last of them that is to be published at once.
    urgent  BIGINT NOT NULL,
    -- The last CRL number that was taken, published or not: none is taken twice.
    number  BIGINT NOT NULL,
    PRIMARY KEY (issuer, shard)
);

-- Revoked and held certificates; in the order in which a list has them.
CREATE TABLE entries (
    issuer        TEXT   NOT NULL,
    shard         BIGINT NOT NULL,
    -- Octets of the number, without leading zeros.
    serial        BYTEA  NOT NULL,
    revoked_us    BIGINT NOT NULL,
    -- CRLReason; 8 (removeFromCRL) is a hold that was released: deltas say so, complete lists leave it out.
    reason        BIGINT NOT NULL,
    invalidity_us BIGINT,
    not_after_us  BIGINT NOT NULL,
    -- `scopes.changes` when it last changed.
    change        BIGINT NOT NULL,
    -- The snapshot that had it last; 0: none.
    seen          BIGINT NOT NULL,
    PRIMARY KEY (issuer, shard, serial)
);
CREATE INDEX entries_changed ON entries (issuer, shard, change);
CREATE INDEX entries_ended ON entries (issuer, shard, not_after_us);

-- The snapshot that is being taken, and the last that ended. One row.
CREATE TABLE snapshots (
    id    BIGINT NOT NULL PRIMARY KEY,
    begun BIGINT NOT NULL,
    ended BIGINT NOT NULL
);
INSERT INTO snapshots (id, begun, ended) VALUES (1, 0, 0);

-- Lists that were published, and those that are being written.
CREATE TABLE publications (
    id             UUID   NOT NULL PRIMARY KEY,
    issuer         TEXT   NOT NULL,
    shard          BIGINT NOT NULL,
    -- `complete` or `delta`.
    kind           TEXT   NOT NULL,
    number         BIGINT NOT NULL,
    -- Of a delta, the number of the complete list that it changes.
    base           BIGINT,
    -- `scopes.changes` of the state that it tells.
    change         BIGINT NOT NULL,
    -- It has certificates that end from this time on.
    from_us        BIGINT NOT NULL,
    made_us        BIGINT NOT NULL,
    this_update_us BIGINT NOT NULL,
    next_update_us BIGINT NOT NULL,
    -- Last-Modified.
    modified_us    BIGINT NOT NULL,
    entries        BIGINT NOT NULL,
    length         BIGINT NOT NULL,
    -- SHA-256 of what is in the outer SEQUENCE.
    digest         BYTEA  NOT NULL,
    -- NULL: being written.
    published_us   BIGINT,
    -- NULL: the current one.
    replaced_us    BIGINT
);
CREATE UNIQUE INDEX publications_number ON publications (issuer, shard, kind, number);

-- Their octets.
CREATE TABLE pieces (
    publication UUID   NOT NULL REFERENCES publications (id) ON DELETE CASCADE,
    ordinal     BIGINT NOT NULL,
    content     BYTEA  NOT NULL,
    PRIMARY KEY (publication, ordinal)
);
