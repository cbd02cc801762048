"""What a user may name to be opened: folders, files, a DICOMDIR, an archive."""
