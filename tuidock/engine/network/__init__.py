"""Bridge network, addresses, published ports."""
