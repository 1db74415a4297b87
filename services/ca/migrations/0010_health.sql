-- What the self-check of crl found of each issuer generation, at the URLs in its certificates.

CREATE TABLE issuer_health (
    issuer     TEXT   NOT NULL PRIMARY KEY,
    -- Name of the CA that it is a generation of.
    ca         TEXT   NOT NULL,
    -- JSON list of texts: what is wrong.
    problems   TEXT   NOT NULL,
    -- The same of what could not be looked at. Both empty: nothing is wrong.
    unknown    TEXT   NOT NULL,
    -- Since when it is healthy, unhealthy, or not known. Microseconds since 1970.
    since_us   BIGINT NOT NULL,
    checked_us BIGINT NOT NULL
);
