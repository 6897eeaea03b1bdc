"""Settings of what stands outside and is reached from several rooms: data alone."""
