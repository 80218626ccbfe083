"""Models: split by time, prepared and fitted on older labels, evaluated on newer ones, and saved with everything they depend on."""
