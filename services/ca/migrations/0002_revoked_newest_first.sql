-- What is revoked, and what is on hold, each in the order in which it is listed: the index before had the reason first,
-- so that a list of the revoked had to sort all of them. 6 is certificateHold; NULL, not revoked, is in neither.
DROP INDEX certificates_revoked;
CREATE INDEX certificates_revoked ON certificates (id) WHERE reason <> 6;
CREATE INDEX certificates_on_hold ON certificates (id) WHERE reason = 6;
