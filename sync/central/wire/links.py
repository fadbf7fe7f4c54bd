"""Absolute addresses of central's resources. They are made when answering, so that a moved server moves its links."""

from __future__ import annotations

import re
from dataclasses import dataclass

PAYMENT_PATH = "/tmf-api/paymentManagement/v4/payment"
REFUND_PATH = "/tmf-api/paymentManagement/v4/refund"
PAYMENT_HUB_PATH = "/tmf-api/paymentManagement/v4/hub"
BILL_HUB_PATH = "/tmf-api/customerBillManagement/v4/hub"
BILL_PATH = "/tmf-api/customerBillManagement/v4/customerBill"
RATE_PATH = "/tmf-api/customerBillManagement/v4/appliedCustomerBillingRate"
BILL_ON_DEMAND_PATH = "/tmf-api/customerBillManagement/v4/customerBillOnDemand"
BILL_CYCLE_PATH = "/tmf-api/customerBillManagement/v5/billCycle"
HEALTH_PATH, READY_PATH, METRICS_PATH = "/health", "/ready", "/metrics"
OWN_PATH = "/counterfoil/v1"
TOKEN_PATH = "/oauth2/token"
ACCOUNT_PATH = f"{OWN_PATH}/account"
ITEM_PATH = f"{OWN_PATH}/item"
CHEQUE_PATH = f"{OWN_PATH}/knownCheque"
VOUCHER_PATH = f"{OWN_PATH}/voucher"
VOUCHER_KEY_PATH = f"{OWN_PATH}/voucherKey"
VOUCHER_HOLD_PATH = f"{OWN_PATH}/voucherHold"
OUTCOME_PATH = f"{OWN_PATH}/outcome"
COMMISSION_PATH = f"{OWN_PATH}/commission"
TRANSFER_PATH = f"{OWN_PATH}/transfer"
REFUNDABLE_PATH = f"{OWN_PATH}/refundable"
REFUND_HOLD_PATH = f"{OWN_PATH}/refundHold"
APPROVAL_PATH = f"{OWN_PATH}/approvalRequest"
TERMINAL_PATH = f"{OWN_PATH}/terminal"
ENROLMENT_PATH = f"{OWN_PATH}/enrolment"
SESSION_PATH = f"{OWN_PATH}/session"
HEAD_PATH = f"{OWN_PATH}/head"
SHIFT_TOTAL_PATH = f"{OWN_PATH}/shiftTotal"
LEDGER_BATCH_PATH = f"{OWN_PATH}/ledgerBatch"
SHOP_BAG_PATH = f"{OWN_PATH}/shopBag"
SHOP_TILL_PATH = f"{OWN_PATH}/shopTill"
PERSON_PATH = f"{OWN_PATH}/person"
PERSON_CHANGE_PATH = f"{OWN_PATH}/personChange"
RECONNECTION_PATH = f"{OWN_PATH}/reconnection"
POSSIBLE_DOUBLE_PATH = f"{OWN_PATH}/possibleDouble"
DISHONOUR_PATH = f"{OWN_PATH}/dishonour"
MANDATE_PATH = f"{OWN_PATH}/mandate"
CHARGE_PATH = f"{OWN_PATH}/charge"
BILL_DOCUMENT_PATH = f"{OWN_PATH}/billDocument"
HUB_KEY_PATH = f"{OWN_PATH}/hubKey"
OPENAPI_PATH = f"{OWN_PATH}/openapi.json"
BILL_SCHEMA_PATH = f"{OWN_PATH}/schema/CustomerBillWithSummary.json"

RESOURCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:-]{0,99}")
"""What an id in a path may be; an id of any other form names nothing here."""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses below ``base_url``, which has no slash at its end."""

    base_url: str

    def of(self, path: str, resource_id: str) -> str:
        return f"{self.base_url}{path}/{resource_id}"

    def payment(self, payment_id: str) -> str:
        return self.of(PAYMENT_PATH, payment_id)

    def bill(self, bill_id: str) -> str:
        return self.of(BILL_PATH, bill_id)

    def rate(self, rate_id: str) -> str:
        return self.of(RATE_PATH, rate_id)

    def bill_document(self, bill_id: str) -> str:
        return self.of(BILL_DOCUMENT_PATH, bill_id)

    @property
    def bill_schema(self) -> str:
        return self.base_url + BILL_SCHEMA_PATH
