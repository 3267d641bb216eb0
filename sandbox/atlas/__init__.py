"""A stand-in for MongoDB Atlas: its Administration API on loopback, with real mongods behind it."""
