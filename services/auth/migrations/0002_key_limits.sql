-- allowed_names: JSON array of patterns of the names that a key may have certified; empty for all.
-- The maker of a key is in created_by: whoever revokes a key looks for those that it made.
ALTER TABLE api_keys ADD COLUMN allowed_names TEXT NOT NULL DEFAULT '[]';
CREATE INDEX api_keys_by_maker ON api_keys (created_by);
