"""Work on the shapes of a slice: edits, holes, hits, states, where they come from."""
