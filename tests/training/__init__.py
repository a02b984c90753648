"""Programs that the tests of the examples start, and what these tests share."""
