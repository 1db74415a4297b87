"""Fills the inventory of a SQLite database with certificates that have a status: fill_statuses.py FILE ROWS ISSUED LAST REVOKED.

Times are microseconds since 1970: when they were issued, from when on they end, and since when they are revoked, or 0.
"""

import hashlib
import sqlite3
import sys
import uuid

file, rows, issued, last, revoked = sys.argv[1], *map(int, sys.argv[2:])


def digest(text):
    return hashlib.sha256(text.encode()).digest()


def certificate(n):
    name = f"h{n}.example.test"
    serial = bytearray(digest(f"s{n}")[:16])
    serial[0] = 64 + serial[0] % 64
    status = (revoked + n, 3 + n % 3, "operator") if revoked else (None, None, None)
    return (
        uuid.UUID(hex=f"00{n:010x}70008000{n:012x}").bytes, bytes(serial), "issuing", "tls-server", f"CN={name}",
        f'["dns:{name}"]', f"apikey:r{n % 100}", "acme", issued, issued, last + n * 7919 % 31536000 * 1000000,
        digest(f"k{n}"), 0, digest(f"f{n}"), b"0", "p256", "[]", *status,
    )


database = sqlite3.connect(file)
database.execute("PRAGMA synchronous = OFF")
database.execute("PRAGMA cache_size = -1000000")
indexes = database.execute(
    "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = 'certificates'"
).fetchall()
for name, _ in indexes:
    database.execute(f"DROP INDEX {name}")
database.executemany(
    "INSERT INTO certificates (id, serial, ca, profile, subject, sans, requester, protocol, issued_at, not_before,"
    " not_after, spki_sha256, key_use, fingerprint_sha256, der, key_type, lint_warnings, revoked_at, reason, decided_as)"
    " VALUES (" + ", ".join("?" * 20) + ")",
    map(certificate, range(1, rows + 1)),
)
for _, sql in indexes:
    database.execute(sql)
database.commit()
