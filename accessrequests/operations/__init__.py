"""VERBS. The only code that changes product state; each locks, asks the domain, writes and commits once."""
