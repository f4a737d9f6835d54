"""Managed databases, as the clouds tell of them: the names that CloudWatch's and Cloud Monitoring's metrics get."""

from stanch.catalogue.signals.selector import series
from stanch.model.signal import Gauge, Signal, Unit

_CLOUD_SQL = "stackdriver_cloudsql_database_cloudsql_googleapis_com_database"

SIGNALS: tuple[Signal, ...] = (
    Signal(
        name="db.server.cpu.utilization",
        unit=Unit.RATIO,
        description="The share of processor time in use on the busiest database server.",
        phrases=(
            "database cpu",
            "database cpu usage",
            "database cpu utilization",
            "database cpu utilisation",
            "database cpu load",
            "database server cpu",
            "database server cpu usage",
            "db cpu",
            "db cpu usage",
            "db cpu utilization",
            "rds cpu",
            "rds cpu usage",
            "rds cpu utilization",
            "postgres cpu",
            "postgres cpu usage",
            "postgresql cpu usage",
            "mysql cpu usage",
        ),
        reading=Gauge(selector=series("aws_rds_cpuutilization_average"), aggregate="max", scale=0.01),
        alternatives=(Gauge(selector=series(f"{_CLOUD_SQL}_cpu_utilization"), aggregate="max"),),
        default_window_s=0.0,
    ),
    Signal(
        name="db.server.memory.utilization",
        unit=Unit.RATIO,
        description="The share of memory in use on the fullest database server.",
        phrases=(
            "database memory",
            "database memory usage",
            "database memory utilization",
            "database server memory",
            "db memory",
            "db memory usage",
            "postgres memory usage",
            "postgresql memory usage",
        ),
        reading=Gauge(selector=series(f"{_CLOUD_SQL}_memory_utilization"), aggregate="max"),
        default_window_s=0.0,
    ),
    Signal(
        name="db.server.storage.free",
        unit=Unit.BYTES,
        description="Space left on the database server that has the least.",
        phrases=(
            "rds free storage space",
            "rds free storage",
            "rds storage space",
            "free storage",
            "freestoragespace",
            "database free space",
            "database free storage",
        ),
        reading=Gauge(selector=series("aws_rds_free_storage_space_average"), aggregate="min"),
        default_window_s=0.0,
    ),
    Signal(
        name="cdn.error_rate",
        unit=Unit.RATIO,
        description="The share of requests that the content delivery network answers with a server error.",
        phrases=("cdn error rate", "cdn errors", "cdn 5xx rate", "cloudfront error rate", "edge error rate"),
        reading=Gauge(selector=series("aws_cloudfront_5xx_error_rate_average"), aggregate="max", scale=0.01),
        default_window_s=0.0,
    ),
    Signal(
        name="cdn.cache_hit_ratio",
        unit=Unit.RATIO,
        description="The share of requests that the content delivery network answers by itself.",
        phrases=("cdn cache hit rate", "cdn cache hit ratio", "cdn hit rate", "cdn hit ratio", "edge cache hit rate"),
        reading=Gauge(selector=series("aws_cloudfront_cache_hit_rate_average"), aggregate="min", scale=0.01),
        default_window_s=0.0,
    ),
)
