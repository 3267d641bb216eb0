"""REST. JSON in, one operation, JSON out; every mistake is answered with a problem that says what to do next."""
