"""TMF678 Customer Bill v4.0.0: reading bills and applied billing rates from any server, and writing our central's."""

from sync.tmf678.bill import bill_resource, read_bill
from sync.tmf678.rate import rate_resource, read_rate

__all__ = ["bill_resource", "rate_resource", "read_bill", "read_rate"]
