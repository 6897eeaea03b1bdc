"""Version 2: every change has a number, so that whoever follows goes on where it was."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"

FED = ("alarm_revisions", "incident_revisions", "notices", "commands", "shelvings")


def upgrade() -> None:
    """Number what is there in the order of its stamps, table by table."""
    last = 0
    for name in FED:
        column = sa.Column("seq", sa.BigInteger, nullable=False, server_default="0")
        op.add_column(name, column)
        last = _number(name, last)
        op.create_index(f"{name}_seq", name, ["seq"])
    op.create_table(
        "feed",
        sa.Column("one", sa.Integer, nullable=False),
        sa.Column("generation", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("writes", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("one"),
    )
    feed = sa.table("feed", *map(sa.column, ("one", "generation", "seq", "writes")))
    row = {"one": 1, "generation": secrets.token_hex(8), "seq": last, "writes": 0}
    op.bulk_insert(feed, [row])


def _number(name: str, last: int) -> int:
    """Number the rows of a table behind those before; the last number."""
    place = ("topic", "partition", "log_offset")
    table = sa.table(name, *map(sa.column, (*place, "logged_ms", "seq")))
    order = [table.c[column] for column in ("logged_ms", *place)]
    numbered = sa.select(
        *(table.c[column] for column in place),
        (last + sa.func.row_number().over(order_by=order)).label("number"),
    ).subquery()
    same = [table.c[column] == numbered.c[column] for column in place]
    op.execute(sa.update(table).values(seq=numbered.c.number).where(*same))
    connection = op.get_bind()
    found = connection.scalar(sa.select(sa.func.max(table.c.seq)))
    return last if found is None else int(found)
