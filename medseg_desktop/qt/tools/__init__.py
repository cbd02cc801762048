"""What the left mouse button does in Draw mode; one file a tool, none of them knows a widget."""
