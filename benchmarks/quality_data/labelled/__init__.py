"""All labelled recordings at hand as one: readers, rules, what rang for what, nested choice."""
