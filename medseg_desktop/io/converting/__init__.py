"""What a conversion consists of: slices, split, and what guards it."""
