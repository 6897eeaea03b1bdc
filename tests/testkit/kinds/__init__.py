"""The typical case of each kind of rule: a lane, a rule and the stream it rings on."""
