"""What callers get: one class a shape, which also writes its part of the schema."""
