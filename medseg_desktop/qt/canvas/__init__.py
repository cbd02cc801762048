"""Widgets that show a slice and where it lies in its series."""
