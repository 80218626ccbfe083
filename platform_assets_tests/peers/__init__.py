"""Cases from the test suites of other systems, and some of our contract, as YAML: rows in, expected values out, as they state them."""
