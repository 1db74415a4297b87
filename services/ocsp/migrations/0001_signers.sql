-- Responder certificates: the key is in keymgr under `key_name`. The highest number of an issuer is the current one.
CREATE TABLE signers (
    issuer        TEXT   NOT NULL,
    number        BIGINT NOT NULL,
    key_name      TEXT   NOT NULL,
    certificate   BYTEA  NOT NULL,
    not_after_us  BIGINT NOT NULL,
    created_us    BIGINT NOT NULL,
    PRIMARY KEY (issuer, number)
);
