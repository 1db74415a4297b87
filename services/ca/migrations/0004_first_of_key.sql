-- Certificates whose key had none before, in the order in which they are listed. Each row is in this index or in
-- certificates_reused_key.
CREATE INDEX certificates_first_of_key ON certificates (id) WHERE key_use = 0;
