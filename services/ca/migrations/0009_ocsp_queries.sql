-- When OCSP was last asked about a certificate, by its serial number. Beside the certificates, so that their rows stay as they are;
-- some of what was asked is never written here.
CREATE TABLE ocsp_queries (
    serial   BYTEA  NOT NULL PRIMARY KEY,
    asked_at BIGINT NOT NULL
);
