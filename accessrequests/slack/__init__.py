"""SLACK, INBOUND. A press there is another way to press the same button."""
