-- API keys. The key itself is not here: token_sha256 is the SHA-256 of its text.
-- roles: JSON array of names. administers: whether these roles may make and revoke API keys.
-- request_key: SHA-256 over requester and Idempotency-Key, and request_sha256 over what was asked for.
CREATE TABLE api_keys (
    prefix         TEXT    NOT NULL PRIMARY KEY,
    token_sha256   BYTEA   NOT NULL,
    name           TEXT    NOT NULL,
    roles          TEXT    NOT NULL,
    administers    BOOLEAN NOT NULL,
    created_us     BIGINT  NOT NULL,
    created_by     TEXT    NOT NULL,
    expires_us     BIGINT,
    last_used_us   BIGINT,
    revoked_us     BIGINT,
    revoked_by     TEXT,
    request_key    BYTEA   UNIQUE,
    request_sha256 BYTEA
);
CREATE INDEX api_keys_by_creation ON api_keys (created_us, prefix);
CREATE INDEX api_keys_administering ON api_keys (prefix) WHERE administers AND revoked_us IS NULL;
