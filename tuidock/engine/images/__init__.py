"""Images: references, registries, blobs, layers, and the list of what is here."""
