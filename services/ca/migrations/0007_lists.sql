-- Type and size of the key, such as 'p256' or 'rsa3072'. NULL in rows from before, which a background job fills in from the
-- certificates, a batch at a time; it finds them by the second index, which is empty afterwards.
ALTER TABLE certificates ADD COLUMN key_type TEXT;
CREATE INDEX certificates_key_type    ON certificates (key_type, id);
CREATE INDEX certificates_no_key_type ON certificates (id) WHERE key_type IS NULL;

-- JSON array of the ids of the lints that would have had it otherwise. NULL in rows from before: it was not kept.
ALTER TABLE certificates ADD COLUMN lint_warnings TEXT;
CREATE INDEX certificates_warned ON certificates (id) WHERE lint_warnings <> '[]';

-- Which certificate renews another.
CREATE INDEX certificates_replaces ON certificates (replaces, id) WHERE replaces IS NOT NULL;

-- Revocations by reason, and by time. An unrevoked certificate is in neither.
CREATE INDEX certificates_reason     ON certificates (reason, id)     WHERE reason IS NOT NULL;
CREATE INDEX certificates_revoked_at ON certificates (revoked_at, id) WHERE revoked_at IS NOT NULL;
