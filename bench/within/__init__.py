"""What only a process of the product can say: each file is run in the environment of one of its parts, by `bench.inside`."""
