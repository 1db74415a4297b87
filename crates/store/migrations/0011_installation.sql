-- Which installation this database belongs to, and in how many starts of it this database took part. One row, written
-- before anything else is.
CREATE TABLE installation (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    id       TEXT   NOT NULL,
    starts   BIGINT NOT NULL
);
