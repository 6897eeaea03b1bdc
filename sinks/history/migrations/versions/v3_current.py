"""Version 3: whoever follows knows up to when the history has everything."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Nothing is known of before."""
    column = sa.Column("current_ms", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("feed", column)
