"""A real OpenID provider for the sandbox: allauth's own, in a process and a database of its own, known by one secret."""
