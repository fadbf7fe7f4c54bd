"""Files to and from banks: what they tell is read into values of the domain, and nothing of it is believed yet."""
