-- Who reads this outbox from elsewhere, and how far each has confirmed: nothing behind that is deleted.
-- audit is here from the beginning, before there is an audit service: its record shall have no gap at its start.
CREATE TABLE outbox_subscribers (
    subscriber TEXT   NOT NULL PRIMARY KEY,
    tx         BIGINT NOT NULL,
    ordinal    BIGINT NOT NULL
);
INSERT INTO outbox_subscribers (subscriber, tx, ordinal) VALUES ('audit', 0, 0);
