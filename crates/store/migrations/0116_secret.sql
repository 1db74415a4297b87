-- Random bytes that the replicas of a service share: what one writes under them, the others recognize.
CREATE TABLE secret (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    secret   BYTEA  NOT NULL
);
