-- What was written to another directory. A value that is not there, or has another digest, is written again.
CREATE TABLE directory (
    -- SHA-256 of the URL and the base of the directory, and of the name of the entry.
    target    BYTEA  NOT NULL,
    place     BYTEA  NOT NULL,
    attribute TEXT   NOT NULL,
    -- Name of the entry.
    name      TEXT   NOT NULL,
    -- SHA-256 of what tells the values from others; empty: never written.
    digest    BYTEA  NOT NULL,
    -- Since when it could not be written; NULL: it is as it should be.
    behind_us BIGINT,
    PRIMARY KEY (target, place, attribute)
);

-- Those that are out, of many that were.
CREATE INDEX publications_current ON publications (issuer, shard, kind) WHERE published_us IS NOT NULL AND replaced_us IS NULL;
