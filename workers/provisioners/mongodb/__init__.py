"""Database users with SCRAM-SHA-256 on self-managed MongoDB servers."""
