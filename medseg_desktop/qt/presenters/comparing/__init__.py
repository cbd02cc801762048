"""Between two models compared on the slice and what shows them."""
