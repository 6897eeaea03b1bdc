"""What a catalogue needs under a configuration: memory, cores, partitions, snapshots."""
