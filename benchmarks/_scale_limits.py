"""Published limits and prices that the simulation of many recordings holds the service against, with their sources.

Pages of Microsoft, read as copies on 2026-11-28; docs/scale.md says what each copy's own date is.
"""

from dataclasses import dataclass

ROWS_PER_SEC_OF_PARTITION = 2_000.0
"""Entities of 1 KiB: https://learn.microsoft.com/azure/storage/tables/scalability-targets. Every row that a query
returns is counted, which is strict: the page does not say how queries count."""

TABLE_REQUESTS_PER_SEC = 20_000.0
"""Transactions an account, of the same page."""

MESSAGES_PER_SEC_OF_QUEUE = 2_000.0
"""https://learn.microsoft.com/azure/storage/queues/scalability-targets"""

QUEUE_REQUESTS_PER_SEC = 20_000.0
"""Messages an account, of the same page."""

BLOB_REQUESTS_PER_SEC = 20_000.0
"""Requests an account; 40,000 in the larger regions:
https://learn.microsoft.com/azure/storage/common/scalability-targets-standard-account"""

REQUESTS_PER_SEC_OF_BLOB = 500.0
"""https://learn.microsoft.com/azure/storage/blobs/scalability-targets"""

INGRESS_BYTES_PER_SEC = 25e9 / 8
"""25 Gbit/s an account; 60 in the larger regions. Of the page of standard accounts."""

LARGE_INGRESS_BYTES_PER_SEC = 60e9 / 8
"""The same in the larger regions, which the page lists."""

EGRESS_BYTES_PER_SEC = 50e9 / 8
"""50 Gbit/s an account; 200 in the larger regions."""

LARGE_EGRESS_BYTES_PER_SEC = 200e9 / 8

INSTANCE_GB = 2.0
"""Memory of an instance, which has one core: https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan"""

REGION_INSTANCES = 250
"""Instances of 2 GB that the regional quota of a subscription allows (512,000 MB, 250 cores), of the same page. It is
raised on request."""

MOST_INSTANCES_OF_FUNCTION = 1_000
"""The highest `maximumInstanceCount`, of the same page; `infra/` sets 40."""

STARTS_AT_ONCE = 4
"""Instances that one decision adds: https://learn.microsoft.com/azure/azure-functions/functions-target-based-scaling"""

GB_SEC_PRICE = 0.000026
"""US dollars for a GB-s on demand: https://azure.microsoft.com/pricing/details/functions/ (East US, without the free
grant)."""

EXECUTION_PRICE = 0.40 / 1e6

MIN_BILLED_SEC = 1.0
"""Shortest time that an execution is billed for."""

TABLE_REQUEST_PRICE = 0.00036 / 10_000
"""US dollars: https://azure.microsoft.com/pricing/details/storage/tables/ (locally redundant)."""

QUEUE_REQUEST_PRICE = 0.004 / 10_000
"""https://azure.microsoft.com/pricing/details/storage/queues/"""

BLOB_REQUEST_PRICE = 0.05 / 10_000
"""Writes, hot tier; reads cost a tenth, and all are counted as writes:
https://azure.microsoft.com/pricing/details/storage/blobs/"""


@dataclass(frozen=True, slots=True)
class Platform:
    """How the platform behaves; what is not published is an assumption, on the slow side."""

    instances_of_function: int = MOST_INSTANCES_OF_FUNCTION
    region_instances: int = REGION_INSTANCES
    starts_at_once: int = STARTS_AT_ONCE
    decision_sec: float = 10.0
    """Between two decisions on a function's instances. Not published for Flex Consumption."""

    cold_start_sec: float = 20.0
    """From the decision to the first message. Not published; the package has 930 MB installed."""

    idle_sec: float = 60.0
    """After this long without work an instance is taken away. Not published."""

    poll_sec: float = 5.0
    """Longest pause of an idle instance between two looks at its queue: `maxPollingInterval` in host.json."""

    request_sec: float = 0.005
    """Time that a request to the storage takes. Measure it where it matters."""

    streams_of_instance: int = 100
    """Requests that an instance of the API answers at once: `httpConcurrency` in `infra/`."""

    rows_per_sec: float = ROWS_PER_SEC_OF_PARTITION
    table_requests_per_sec: float = TABLE_REQUESTS_PER_SEC
    queue_requests_per_sec: float = QUEUE_REQUESTS_PER_SEC
    messages_per_sec: float = MESSAGES_PER_SEC_OF_QUEUE
    blob_requests_per_sec: float = BLOB_REQUESTS_PER_SEC
    ingress_bytes_per_sec: float = INGRESS_BYTES_PER_SEC
    egress_bytes_per_sec: float = EGRESS_BYTES_PER_SEC
