-- Events of this service in the order in which subscribers read them.
-- tx: number of the transaction that wrote the event; ordinal: place within that transaction, from 1.
CREATE TABLE outbox (
    tx             BIGINT NOT NULL,
    ordinal        BIGINT NOT NULL,
    id             UUID   NOT NULL,
    kind           TEXT   NOT NULL,
    subject        TEXT   NOT NULL,
    time_us        BIGINT NOT NULL,
    data           TEXT   NOT NULL,
    correlation_id TEXT,
    traceparent    TEXT,
    PRIMARY KEY (tx, ordinal)
);

-- One row. counter: last transaction number used (SQLite). tx_offset: added to the server's transaction ids
-- (PostgreSQL), so that numbers keep growing when the data moves to another server.
-- pruned_*: position of the last event that was deleted.
CREATE TABLE outbox_state (
    only_row       BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    counter        BIGINT NOT NULL,
    tx_offset      BIGINT NOT NULL,
    pruned_tx      BIGINT NOT NULL,
    pruned_ordinal BIGINT NOT NULL
);
INSERT INTO outbox_state (only_row, counter, tx_offset, pruned_tx, pruned_ordinal) VALUES (1, 0, 0, 0, 0);

-- How far this service has read feeds, its own or others'.
CREATE TABLE feed_cursors (
    feed       TEXT   NOT NULL,
    subscriber TEXT   NOT NULL,
    tx         BIGINT NOT NULL,
    ordinal    BIGINT NOT NULL,
    PRIMARY KEY (feed, subscriber)
);
