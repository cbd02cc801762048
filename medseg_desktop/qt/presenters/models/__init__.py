"""Between models, their evaluations, and the champion, and what shows them."""
