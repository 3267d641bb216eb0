"""A small Slack on loopback: its Web API, Socket Mode, signed deliveries, and a page to be somebody on."""
