"""What model packages consist of, where they come from, and which one is the champion."""
