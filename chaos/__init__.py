"""Tries to break the product: kills, stops and starves its parts in a running world, and reads the targets for what came of it."""
