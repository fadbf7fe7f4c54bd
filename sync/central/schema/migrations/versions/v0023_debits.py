"""What debits cost that a bank refused or took back, and the mandates of the operator's shops."""

from alembic import op

from sync.central.schema.migrations.run_sql import run_sql
from sync.central.schema.migrations.walling import wall_in

revision = "0023"
down_revision = "0022"

NOBODY = "false"

WALL = {table: (NOBODY, NOBODY) for table in ("debit_charge", "mandate", "mandate_step")}


def upgrade() -> None:
    run_sql("""
-- Its bill has the same id.
CREATE TABLE debit_charge (
    id TEXT PRIMARY KEY,
    bill_no TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL,
    reference TEXT NOT NULL,
    reason_code TEXT,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    fee_minor BIGINT NOT NULL CHECK (fee_minor >= 0 AND fee_minor <= amount_minor),
    currency TEXT NOT NULL,
    charged_on TEXT NOT NULL,
    terminal TEXT,
    change_number BIGINT NOT NULL UNIQUE,
    received_at TEXT NOT NULL,
    received_sha256 TEXT NOT NULL
);
CREATE INDEX debit_charge_by_account ON debit_charge (account_id);

-- As the last step that was told of it has it. The id is the reference as it is compared.
CREATE TABLE mandate (
    id TEXT PRIMARY KEY,
    mandate TEXT NOT NULL,
    account_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'ended')),
    signed_on TEXT NOT NULL,
    holder TEXT NOT NULL,
    bank_account TEXT NOT NULL,
    bic TEXT NOT NULL,
    reason TEXT,
    terminal TEXT NOT NULL,
    operator TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    registered_at TEXT NOT NULL,
    change_number BIGINT NOT NULL UNIQUE
);
CREATE INDEX mandate_by_account ON mandate (account_id);
CREATE TABLE mandate_step (
    correlator_id TEXT PRIMARY KEY,
    mandate_id TEXT NOT NULL REFERENCES mandate (id),
    state TEXT NOT NULL,
    reason TEXT,
    terminal TEXT NOT NULL,
    operator TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    change_number BIGINT NOT NULL UNIQUE,
    received_at TEXT NOT NULL,
    received_sha256 TEXT NOT NULL
);
CREATE INDEX mandate_step_by_mandate ON mandate_step (mandate_id);
""")
    if op.get_bind().dialect.name == "postgresql":
        for table, (seen, written) in WALL.items():
            wall_in(table, seen=seen, written=written)
