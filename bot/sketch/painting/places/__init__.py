"""Places that are more than a landscape, and the landscape that most places are."""
