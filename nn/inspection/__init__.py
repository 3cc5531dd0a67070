"""What a trained network looks like inside: `gradient_statistics`."""
