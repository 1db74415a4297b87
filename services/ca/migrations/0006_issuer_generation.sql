-- Which key and certificate of a CA this is: 1 for the first. It is part of the URLs of certificates.
ALTER TABLE authorities ADD COLUMN generation BIGINT NOT NULL DEFAULT 1;
