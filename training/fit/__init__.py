"""The training loops: generators of records that print nothing."""
