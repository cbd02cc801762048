"""What a training would take here: bench, check of a GPU, the page before a training."""
