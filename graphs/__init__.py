"""The processes of the applications, one blueprint a file."""
