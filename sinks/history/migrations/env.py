"""What Alembic runs: the migrations within the transaction of whoever asks for them."""

from alembic import context

if __name__ == "env_py":  # as Alembic loads it
    context.configure(connection=context.config.attributes["connection"])
    context.run_migrations()
