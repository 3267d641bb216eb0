"""What we promise, measured at the target in one run, as ratios to a floor measured in the same run."""
