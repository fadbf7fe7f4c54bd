"""What a dealer's account was credited with beside payments, and the message that tells central of it."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0022"
down_revision = "0021"

SCHEMA = """
-- Commission put on an account: with a sale, or by a settlement. It is told behind the leg that paid for the items.
CREATE TABLE account_credit (
    credit_id TEXT PRIMARY KEY,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    leg INTEGER NOT NULL,
    settlement_id TEXT REFERENCES commission_settlement DEFERRABLE INITIALLY DEFERRED,
    account TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    at_utc TEXT NOT NULL
) STRICT;
CREATE INDEX account_credit_by_account ON account_credit (account);
CREATE INDEX account_credit_by_event ON account_credit (payment_event_id);

-- What was credited before there was this register.
INSERT INTO account_credit (credit_id, payment_event_id, leg, settlement_id, account, amount_minor, currency, at_utc)
SELECT payment_event_id || '-' || leg || '-' || coalesce(settlement_id, 'commission'), payment_event_id, leg, settlement_id,
       account, amount_minor, currency, at_utc
FROM (SELECT earned.payment_event_id, settlement_id, payer_account AS account, earned.currency,
             sum(earned.commission_minor - earned.withheld_minor) AS amount_minor,
             coalesce(done.at_utc, taken_at_utc) AS at_utc,
             (SELECT min(leg) FROM allocation WHERE allocation.payment_event_id = earned.payment_event_id
              AND sale_line IS NOT NULL) AS leg
      FROM commission_line AS earned JOIN payment_event USING (payment_event_id)
      LEFT JOIN commission_settled USING (payment_event_id, line)
      LEFT JOIN commission_settlement AS done USING (settlement_id)
      WHERE (at = 'sale' AND settlement = 'gross') OR settlement_id IS NOT NULL
      GROUP BY earned.payment_event_id, settlement_id)
WHERE amount_minor > 0;

INSERT INTO outbox (payment_event_id, leg, correlator_id, kind, source_id, account, queue, state, changed_at_utc)
SELECT credited.payment_event_id, credited.leg, credit_id, 'commission', credit_id, credited.account,
       coalesce(paid.queue, paid.account), 'waiting', at_utc
FROM account_credit AS credited JOIN outbox AS paid ON paid.payment_event_id = credited.payment_event_id
    AND paid.leg = credited.leg AND paid.kind = 'payment'
ORDER BY at_utc, credit_id;
"""

APPEND_ONLY = ("account_credit",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
