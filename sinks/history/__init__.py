"""What the topics told, as rows in SQL: a projection that can be dropped and rebuilt."""
