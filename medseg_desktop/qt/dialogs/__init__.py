"""Passive dialogs: setters show, signals report what the user did."""
