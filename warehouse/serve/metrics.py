"""What Prometheus is told: in a registry of its own, so that two servers in one process do not count together."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters and times of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "dealhouse_requests",
            "Requests by what was asked and answered.",
            ["route", "status"],
            registry=self.registry,
        )
        self.events = Counter(
            "dealhouse_events", "Events by what became of them.", ["client", "status"], registry=self.registry
        )
        self.rejections = Counter(
            "dealhouse_rejected_events", "Rejected events by reason.", ["reason"], registry=self.registry
        )
        self.seconds = Histogram(
            "dealhouse_request_seconds", "Time to answer.", ["route"], buckets=_SECONDS, registry=self.registry
        )
        self.commit_seconds = Histogram(
            "dealhouse_commit_seconds", "Time to judge and write what one sync of the disk makes safe.",
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self.commit_events = Histogram(
            "dealhouse_commit_events", "Events that one sync of the disk made safe.",
            buckets=(1, 10, 100, 1000, 10_000), registry=self.registry,
        )  # fmt: skip
        self.waiting_bytes = Gauge("dealhouse_waiting_bytes", "Bodies in hand.", registry=self.registry)
        self.waiting_requests = Gauge("dealhouse_waiting_requests", "Requests in hand.", registry=self.registry)

    def text(self) -> bytes:
        """All of it, in the text format of Prometheus."""
        return generate_latest(self.registry)
