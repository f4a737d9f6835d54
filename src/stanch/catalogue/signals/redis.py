"""Caches, and Redis as redis_exporter tells of it."""

from stanch.catalogue.signals.selector import series
from stanch.model.signal import CounterRate, CounterRatio, Gauge, GaugeRatio, Signal, Unit

SIGNALS: tuple[Signal, ...] = (
    Signal(
        name="cache.hit_ratio",
        unit=Unit.RATIO,
        description="The share of look-ups that the cache answers.",
        phrases=(
            "cache hit rate",
            "cache hit ratio",
            "cache hits",
            "cache hit percentage",
            "cache efficiency",
            "hit rate",
            "hit ratio",
            "redis hit rate",
            "redis hit ratio",
            "redis cache hit rate",
            "redis cache hit ratio",
            "memcached hit rate",
        ),
        reading=CounterRatio(
            part=series("redis_keyspace_hits_total"), whole=series("redis_keyspace_misses_total"), disjoint=True
        ),
        alternatives=(
            CounterRatio(
                part=series('memcached_commands_total{command="get",status="hit"}'),
                whole=series('memcached_commands_total{command="get"}'),
            ),
            CounterRatio(
                part=series('cache_gets_total{result="hit"}'),
                whole=series("cache_gets_total"),
            ),
        ),
        default_window_s=300.0,
    ),
    Signal(
        name="cache.miss_ratio",
        unit=Unit.RATIO,
        description="The share of look-ups that the cache cannot answer.",
        phrases=("cache miss rate", "cache miss ratio", "cache misses", "miss rate", "miss ratio", "redis miss rate"),
        reading=CounterRatio(
            part=series("redis_keyspace_misses_total"), whole=series("redis_keyspace_hits_total"), disjoint=True
        ),
        alternatives=(
            CounterRatio(
                part=series('memcached_commands_total{command="get",status="miss"}'),
                whole=series('memcached_commands_total{command="get"}'),
            ),
            CounterRatio(part=series('cache_gets_total{result="miss"}'), whole=series("cache_gets_total")),
        ),
        default_window_s=300.0,
    ),
    Signal(
        name="redis.memory.utilization",
        unit=Unit.RATIO,
        description="Memory that Redis uses over the most it may use, in the fullest server.",
        phrases=(
            "redis memory usage",
            "redis memory",
            "redis memory utilization",
            "redis memory utilisation",
            "redis used memory",
            "cache memory usage",
            "cache memory",
            "cache memory utilization",
            "elasticache memory usage",
            "maxmemory usage",
        ),
        reading=GaugeRatio(
            part=series("redis_memory_used_bytes"), whole=series("redis_memory_max_bytes"), by=("instance",)
        ),
        alternatives=(
            GaugeRatio(part=series("memcached_current_bytes"), whole=series("memcached_limit_bytes"), by=("instance",)),
        ),
        default_window_s=0.0,
    ),
    Signal(
        name="redis.memory.fragmentation",
        unit=Unit.RATIO,
        description="Memory that Redis holds over what its data needs.",
        phrases=("redis memory fragmentation", "redis fragmentation", "memory fragmentation ratio"),
        reading=Gauge(selector=series("redis_mem_fragmentation_ratio"), aggregate="max"),
        default_window_s=0.0,
    ),
    Signal(
        name="redis.evictions",
        unit=Unit.PER_SECOND,
        description="Keys that Redis throws out for want of memory, per second.",
        phrases=(
            "redis evictions",
            "redis eviction rate",
            "evicted keys",
            "key evictions",
            "cache evictions",
            "cache eviction rate",
            "evictions",
            "eviction rate",
        ),
        reading=CounterRate(selector=series("redis_evicted_keys_total")),
        alternatives=(CounterRate(selector=series("memcached_items_evicted_total")),),
    ),
    Signal(
        name="redis.connections",
        unit=Unit.COUNT,
        description="Clients connected to Redis.",
        phrases=("redis connections", "redis clients", "redis connected clients", "connected clients"),
        reading=Gauge(selector=series("redis_connected_clients")),
        default_window_s=0.0,
    ),
    Signal(
        name="redis.connections.utilization",
        unit=Unit.RATIO,
        description="Clients connected to Redis over the most it takes.",
        phrases=("redis connection usage", "redis connection utilization", "redis maxclients"),
        reading=GaugeRatio(
            part=series("redis_connected_clients"), whole=series("redis_config_maxclients"), by=("instance",)
        ),
        default_window_s=0.0,
    ),
    Signal(
        name="redis.blocked_clients",
        unit=Unit.COUNT,
        description="Clients that wait in a blocking command of Redis.",
        phrases=("redis blocked clients", "blocked clients"),
        reading=Gauge(selector=series("redis_blocked_clients")),
        default_window_s=0.0,
    ),
    Signal(
        name="redis.rejected_connections",
        unit=Unit.PER_SECOND,
        description="Connections that Redis refuses, per second.",
        phrases=("redis rejected connections", "rejected connections", "redis connection errors"),
        reading=CounterRate(selector=series("redis_rejected_connections_total")),
    ),
    Signal(
        name="redis.command_rate",
        unit=Unit.PER_SECOND,
        description="Commands that Redis carries out, per second.",
        phrases=("redis commands per second", "redis operations per second", "redis ops", "redis throughput"),
        reading=CounterRate(selector=series("redis_commands_processed_total")),
    ),
    Signal(
        name="redis.response_time",
        unit=Unit.SECONDS,
        description="How long Redis takes for a command on average.",
        phrases=(
            "redis latency",
            "redis response time",
            "redis command latency",
            "cache latency",
            "cache response time",
        ),
        reading=CounterRatio(
            part=series("redis_commands_duration_seconds_total"), whole=series("redis_commands_total")
        ),
    ),
    Signal(
        name="redis.replica_lag",
        unit=Unit.SECONDS,
        description="How far the slowest replica of Redis is behind.",
        phrases=("redis replication lag", "redis replica lag"),
        reading=Gauge(selector=series("redis_connected_slave_lag_seconds"), aggregate="max"),
        default_window_s=0.0,
    ),
    Signal(
        name="redis.up",
        unit=Unit.COUNT,
        description="1 where Redis answers its exporter, 0 where it does not; the worst one counts.",
        phrases=("redis availability", "redis up", "redis health", "redis connectivity", "cache availability"),
        reading=Gauge(selector=series("redis_up"), aggregate="min"),
        alternatives=(Gauge(selector=series("memcached_up"), aggregate="min"),),
        default_window_s=0.0,
    ),
)
