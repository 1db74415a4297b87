-- How many signatures each key made, by what was signed; written together, some seconds after they were made.
CREATE TABLE key_signatures (
    name       TEXT   NOT NULL,
    structure  TEXT   NOT NULL,
    signatures BIGINT NOT NULL,
    last_us    BIGINT NOT NULL,
    PRIMARY KEY (name, structure)
);
