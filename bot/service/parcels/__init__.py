"""Results made ready for sending: within a platform's limits, in messages, with an overview of many."""
