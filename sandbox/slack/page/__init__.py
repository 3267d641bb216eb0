"""The page on which one is somebody in the workspace: channels, messages, modals and Home, as plain forms."""
