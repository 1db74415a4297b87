"""Fills the inventory of a SQLite database with rows of the real shape: fill_sqlite.py FILE ROWS."""

import hashlib
import sqlite3
import sys
import uuid


def digest(text):
    return hashlib.sha256(text.encode()).digest()


def certificate(n):
    name = f"h{n}.z{n % 1000}.example.test"
    revoked = n % 50 == 0
    return (
        identifier(n), digest(f"s{n}")[:16], "issuing", "tls-client" if n % 5 == 0 else "tls-server", f"CN={name}",
        f'["dns:{name}"]', f"apikey:r{n % 100}", "acme" if n % 3 == 0 else "rest", n, 1700000000000000,
        1764547200000000 + (n * 7919 % 63072000) * 1000000, digest(f"k{n // 2}"), n % 2, digest(f"f{n}"), b"0",
        n if revoked else None, 1 if revoked else None,
    )


def identifier(n):
    return uuid.UUID(hex=f"00{n:010x}70008000{n:012x}").bytes


def alternative_name(n):
    return ("dns:" + f"h{n}.z{n % 1000}.example.test"[::-1]).encode(), identifier(n)


database, rows = sqlite3.connect(sys.argv[1]), int(sys.argv[2])
database.execute("PRAGMA synchronous = OFF")
database.execute("PRAGMA cache_size = -1000000")
indexes = database.execute(
    "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
    " AND tbl_name IN ('certificates', 'certificate_names')"
).fetchall()
for name, _ in indexes:
    database.execute(f"DROP INDEX {name}")
numbers = range(1, rows + 1)
database.executemany(
    "INSERT INTO certificates (id, serial, ca, profile, subject, sans, requester, protocol, issued_at, not_before,"
    " not_after, spki_sha256, key_use, fingerprint_sha256, der, revoked_at, reason)"
    " VALUES (" + ", ".join("?" * 17) + ")",
    map(certificate, numbers),
)
database.executemany("INSERT INTO certificate_names (name, id) VALUES (?, ?)", map(alternative_name, numbers))
for _, sql in indexes:
    database.execute(sql)
database.commit()
