"""Models: split by time, prepared and fitted on the older labels, judged on the newer ones, saved with all that they depend on."""
