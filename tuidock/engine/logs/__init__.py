"""Container logs on disk: the record, the writer, the reader."""
