"""Access to MongoDB Atlas, made and ended over its Administration API."""
