-- Which identity a service showed when it asked for another one: whoever had the key of the one has the other too. What GigVault gives
-- itself within the process of ca is not in here.
CREATE TABLE identity_requests (
    -- Serial number of the certificate that was issued.
    serial    BYTEA  NOT NULL PRIMARY KEY,
    -- Serial number of the one that was shown; from before a restore, it may be in no other table.
    asked_by  BYTEA  NOT NULL,
    -- SPIFFE id of both.
    identity  TEXT   NOT NULL,
    not_after BIGINT NOT NULL
);

CREATE INDEX identity_requests_asked_by ON identity_requests (asked_by);
CREATE INDEX identity_requests_identity ON identity_requests (identity, not_after);
