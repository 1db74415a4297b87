-- Which key and certificate of its CA issued it, and which shard of that issuer's CRL lists it, as its CRL distribution point
-- says; 0 is the complete CRL. Rows from before, and those of a replica of the version before, are of the first generation
-- and of no shard.
ALTER TABLE certificates ADD COLUMN generation BIGINT NOT NULL DEFAULT 1;
ALTER TABLE certificates ADD COLUMN crl_shard  BIGINT NOT NULL DEFAULT 0;

-- What OCSP and CRLs tell: revocations and holds by issuer, in the order of the octets of the serial number. Expired ones are
-- told from the others here, without a look at their rows. A row that has a time of revocation and no reason, or a reason and
-- no time, is damaged, and not taken for one that is not revoked.
CREATE INDEX certificates_revocations ON certificates (ca, generation, serial, not_after)
    WHERE COALESCE(reason, revoked_at) IS NOT NULL;
