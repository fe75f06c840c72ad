"""`gridray ui`: the pages, on loopback. NiceGUI is imported here only, and this by its command."""
