"""READING. What each screen shows, and only to whom. Nothing here changes a row."""
