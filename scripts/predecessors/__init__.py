"""The parts of scripts/compare-predecessors: requests by subject, authenticators, recordings, and the comparison."""
