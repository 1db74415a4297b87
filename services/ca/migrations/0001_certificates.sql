-- The CAs of this service. Their keys live in keymgr, under `key_name`.
CREATE TABLE authorities (
    name        TEXT   NOT NULL PRIMARY KEY,
    key_name    TEXT   NOT NULL,
    algorithm   TEXT   NOT NULL,
    -- Certificates above this one, PEM, issuer first, root last.
    chain       TEXT   NOT NULL,
    certificate BYTEA  NOT NULL,
    -- JSON array of the profiles that this CA issues.
    profiles    TEXT   NOT NULL,
    created_at  BIGINT NOT NULL
);

-- The inventory: one row a certificate, never deleted. Times are microseconds since the Unix epoch.
CREATE TABLE certificates (
    -- Time-ordered (UUID version 7): newest first is `ORDER BY id DESC`.
    id                 UUID   NOT NULL PRIMARY KEY,
    serial             BYTEA  NOT NULL,
    ca                 TEXT   NOT NULL,
    profile            TEXT   NOT NULL,
    subject            TEXT   NOT NULL,
    -- JSON array of `kind:value`.
    sans               TEXT   NOT NULL,
    requester          TEXT   NOT NULL,
    protocol           TEXT   NOT NULL,
    issued_at          BIGINT NOT NULL,
    not_before         BIGINT NOT NULL,
    not_after          BIGINT NOT NULL,
    spki_sha256        BYTEA  NOT NULL,
    -- 0 for the first certificate of a key, then 1, 2, …: makes 'same key used more than once' an index look-up.
    key_use            BIGINT NOT NULL,
    fingerprint_sha256 BYTEA  NOT NULL,
    der                BYTEA  NOT NULL,
    -- Serial number of the certificate that this one renews.
    replaces           BYTEA,
    revoked_at         BIGINT,
    -- CRLReason code of RFC 5280 section 5.3.1; 6 is on hold.
    reason             BIGINT,
    invalidity_at      BIGINT
);

CREATE UNIQUE INDEX certificates_serial      ON certificates (serial);
CREATE UNIQUE INDEX certificates_key_use     ON certificates (spki_sha256, key_use);
CREATE INDEX certificates_fingerprint        ON certificates (fingerprint_sha256);
CREATE INDEX certificates_expiry             ON certificates (not_after, id);
CREATE INDEX certificates_subject            ON certificates (subject, id);
CREATE INDEX certificates_requester          ON certificates (requester, id);
CREATE INDEX certificates_profile            ON certificates (profile, id);
CREATE INDEX certificates_ca                 ON certificates (ca, id);
CREATE INDEX certificates_protocol           ON certificates (protocol, id);
CREATE INDEX certificates_revoked            ON certificates (reason, id) WHERE reason IS NOT NULL;
CREATE INDEX certificates_reused_key         ON certificates (id) WHERE key_use > 0;

-- One row a subject alternative name. `name` is the kind, a colon and the value backwards, as bytes, so that
-- a suffix is a prefix and both databases compare alike.
CREATE TABLE certificate_names (
    name BYTEA NOT NULL,
    id   UUID  NOT NULL
);

CREATE INDEX certificate_names_name ON certificate_names (name, id);

-- What an Idempotency-Key stands for, kept for a day.
CREATE TABLE idempotency_keys (
    -- SHA-256 over requester and key.
    key_sha256     BYTEA  NOT NULL PRIMARY KEY,
    -- SHA-256 over the request.
    request_sha256 BYTEA  NOT NULL,
    certificate    UUID   NOT NULL,
    created_at     BIGINT NOT NULL
);

CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
