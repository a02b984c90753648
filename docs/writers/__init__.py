"""What writes those pages of the site that follow from the program."""
