-- In what capacity the present form of a revocation or hold was decided: 'owner' or 'operator'. NULL where an earlier
-- version stored it; then only an operator releases the hold.
ALTER TABLE certificates ADD COLUMN decided_as TEXT;
