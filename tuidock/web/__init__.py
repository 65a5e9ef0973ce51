"""The interface in a browser on this machine: `tuidock serve`, with the extra `tuidock[serve]`."""
