-- The service that the database is of: a file or schema under the name of another one is told from one that lost something.
-- None where no start has recorded it yet.
ALTER TABLE installation ADD COLUMN service TEXT;
