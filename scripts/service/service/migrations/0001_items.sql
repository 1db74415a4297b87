-- One statement list for both databases: types and functions that PostgreSQL and SQLite share.
CREATE TABLE items (
    name       TEXT   NOT NULL PRIMARY KEY,
    created_us BIGINT NOT NULL
);
