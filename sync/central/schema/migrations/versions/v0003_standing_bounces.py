"""A bounce keeps the rule it counts by and the stage it wants, so that what bounces make of an account is reckoned anew.

One of before counts by the rule that the settings come with; the stage that it left is the one its account is at.
"""

from sync.central.schema.migrations.run_sql import run_sql

revision = "0003"
down_revision = "0002"

SCHEMA = """
ALTER TABLE dishonour ADD COLUMN cash_only_rule TEXT NOT NULL DEFAULT '3 12 12';
ALTER TABLE dishonour DROP COLUMN cash_only_until;
ALTER TABLE dishonour_stage ADD COLUMN stage_to BIGINT NOT NULL DEFAULT 0;
ALTER TABLE dishonour_stage ADD COLUMN put_back BIGINT CHECK (put_back IN (0, 1));
UPDATE dishonour_stage SET stage_to = (SELECT dunning_stage FROM account WHERE account.id = dishonour_stage.account_id);
CREATE INDEX dishonour_stage_by_account ON dishonour_stage (account_id);
"""


def upgrade() -> None:
    run_sql(SCHEMA)
