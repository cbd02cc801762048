"""Between sessions and widgets: each presenter fills one part of the window."""
