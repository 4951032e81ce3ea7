"""The drill is a program of this repository, not of the collection: found from the repository's root."""
