"""The annotation documents on the disk: beside the images, and their mirror in the workspace."""
