"""Pure words of the product: ids, sentences for people, errors, events of a run."""
