"""What is computed about a network: shapes, costs, contracts, and the blame for broken ones."""
