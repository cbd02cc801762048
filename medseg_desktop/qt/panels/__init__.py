"""Passive side panels: setters show, signals report what the user did."""
