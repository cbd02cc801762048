"""What the windows of evaluations show."""
