"""What detect.py is made of: pictures with boxes, proposals, the classifier of regions, scores."""
