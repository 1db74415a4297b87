-- Overwritten by readiness checks: a real write is the only sign that the disk takes writes.
CREATE TABLE readiness_probe (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    filler   BYTEA  NOT NULL
);
INSERT INTO readiness_probe (only_row, filler) VALUES (1, '');
