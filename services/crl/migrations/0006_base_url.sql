-- What the URLs in a list begin with: `listen.public_http_url` when it was made. Empty: an earlier version made it, or another issuer.
ALTER TABLE publications ADD COLUMN base_url TEXT NOT NULL DEFAULT '';
