"""Bags of cash between the tills of a shop, and how far each till of a shop is with its day."""

from alembic import op

from sync.central.schema.migrations.run_sql import run_sql
from sync.central.schema.migrations.walling import wall_in

revision = "0022"
down_revision = "0020"

OF_BAG = "EXISTS (SELECT 1 FROM terminal WHERE terminal.id = {table}.terminal AND terminal.dealer = {{who}})"

WALL = {table: (OF_BAG.format(table=table),) * 2 for table in ("shop_bag", "shop_bag_step", "shop_till")}


def upgrade() -> None:
    run_sql("""
-- A bag as it stands now, by the paper that it left with. is_told: its sender has told of it, not only who accepted it.
CREATE TABLE shop_bag (
    paper TEXT PRIMARY KEY,
    terminal TEXT NOT NULL,
    shop TEXT NOT NULL,
    bag TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    state TEXT NOT NULL CHECK (state IN ('on_the_way', 'recalled', 'accepted')),
    is_told BIGINT NOT NULL CHECK (is_told IN (0, 1)),
    sent_at TEXT,
    accepted_by TEXT,
    acceptance TEXT,
    counted_minor BIGINT CHECK (counted_minor >= 0),
    accepted_at TEXT,
    told_at TEXT NOT NULL,
    change_number BIGINT NOT NULL UNIQUE,
    CHECK ((state = 'accepted') = (acceptance IS NOT NULL)),
    CHECK ((state = 'accepted') = (accepted_by IS NOT NULL)),
    CHECK ((state = 'accepted') = (counted_minor IS NOT NULL))
);
CREATE INDEX shop_bag_by_shop ON shop_bag (shop, change_number);
-- What tills told of bags, each once and in its order.
CREATE TABLE shop_bag_step (
    id TEXT PRIMARY KEY,
    paper TEXT NOT NULL REFERENCES shop_bag (paper),
    terminal TEXT NOT NULL,
    deed TEXT NOT NULL CHECK (deed IN ('sent', 'recalled', 'accepted', 'undone')),
    happened_at TEXT NOT NULL,
    told_at TEXT NOT NULL
);
CREATE INDEX shop_bag_step_by_paper ON shop_bag_step (paper);
-- The body is what the till told last of itself.
CREATE TABLE shop_till (
    terminal TEXT PRIMARY KEY,
    shop TEXT NOT NULL,
    body TEXT NOT NULL,
    told_at TEXT NOT NULL,
    change_number BIGINT NOT NULL UNIQUE
);
CREATE INDEX shop_till_by_shop ON shop_till (shop);
""")
    if op.get_bind().dialect.name == "postgresql":
        for table, (seen, written) in WALL.items():
            wall_in(table, seen=seen, written=written)
