"""Named, versioned, immutable data sets: taken in once, found by every experiment."""
