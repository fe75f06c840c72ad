"""The command line: thin commands over the library, and one object that prints."""
