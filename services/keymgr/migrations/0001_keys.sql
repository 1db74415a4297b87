-- The key-encryption key that seals this database's private keys; never the key itself. One row.
-- salt and costs are those of Argon2id where the source is a passphrase.
CREATE TABLE key_encryption_key (
    only_row   BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    kek_id     TEXT   NOT NULL,
    source     TEXT   NOT NULL CHECK (source IN ('file', 'passphrase')),
    salt       BYTEA,
    memory_kib BIGINT,
    iterations BIGINT,
    lanes      BIGINT,
    CHECK (source = 'file' OR (salt IS NOT NULL AND memory_kib > 0 AND iterations > 0 AND lanes > 0))
);

-- Keys. A row never changes.
-- handle: finds the private key in its backend; for `software` it is the private key, sealed.
-- request_key: SHA-256 over caller and Idempotency-Key of the request that made the key.
CREATE TABLE keys (
    name        TEXT   NOT NULL PRIMARY KEY,
    purpose     TEXT   NOT NULL CHECK (purpose IN ('certificate-authority', 'ocsp-signer')),
    backend     TEXT   NOT NULL,
    spki        BYTEA  NOT NULL,
    handle      BYTEA  NOT NULL,
    created_us  BIGINT NOT NULL,
    request_key BYTEA  UNIQUE
);
