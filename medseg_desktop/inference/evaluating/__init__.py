"""What an evaluation consists of: patients, their slices and labels, pictures of lesions."""
