-- Keys that are known to be compromised, by what the private key follows from (x509: PublicKey::material_id). Filled in
-- the transaction that revokes; read in the one that issues.
CREATE TABLE compromised_keys (
    material_sha256 BYTEA  NOT NULL PRIMARY KEY,
    -- The certificate that was revoked for it first.
    certificate     UUID   NOT NULL,
    recorded_at     BIGINT NOT NULL
);

-- Whether the key of a certificate that was revoked for compromise is in that table. Revocations from before, and those
-- of a replica of the version before, are found by the index and recorded at start.
ALTER TABLE certificates ADD COLUMN key_recorded BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX certificates_unrecorded_key ON certificates (id) WHERE reason IN (1, 2) AND NOT key_recorded;

-- When the revocation took its present form, where that is later than revoked_at: a hold that became final keeps the date
-- of the hold, a reason that was changed keeps the date of the revocation.
ALTER TABLE certificates ADD COLUMN decided_at BIGINT;

-- Who renewed the certificate of another; NULL where the requester did it.
ALTER TABLE certificates ADD COLUMN issued_by TEXT;

-- Since when a CA issues nothing, and who stopped it.
ALTER TABLE authorities ADD COLUMN suspended_at BIGINT;
ALTER TABLE authorities ADD COLUMN suspended_by TEXT;
