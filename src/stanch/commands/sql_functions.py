"""What SQL functions do. A function that is in no table here may do anything, since everybody can write their own."""

from stanch.commands.effect import Effect, changes, destroys, reads
from stanch.model.risk import Trait

_PURE = """
abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees div exp factorial floor gcd lcm ln log log10 log2 mod pi power pow
radians random round scale sign sin sqrt tan trunc truncate width_bucket min_scale trim_scale rand greatest least
ascii bit_length btrim char char_length character_length chr concat concat_ws convert convert_from convert_to decode encode
format initcap instr lcase left length locate lower lpad ltrim md5 mid normalize octet_length overlay parse_ident position
quote quote_ident quote_literal quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches
regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim sha1 sha2
sha224 sha256 sha384 sha512 split_part starts_with strpos substr substring substring_index to_ascii to_hex translate trim
ucase unhex hex unistr upper space elt field find_in_set ord strcmp soundex string_to_array string_to_table
age cast ceil clock_timestamp current_date current_time current_timestamp curdate curtime date date_add date_bin date_diff
date_format date_part date_sub date_trunc datediff day dayname dayofmonth dayofweek dayofyear extract from_unixtime hour
interval isfinite justify_days justify_hours justify_interval last_day localtime localtimestamp make_date make_interval
make_time make_timestamp make_timestamptz microsecond minute month monthname now quarter second sec_to_time
statement_timestamp str_to_date sysdate time timediff timeofday timestamp timestampadd timestampdiff timestamptz timezone
to_char to_date to_days to_number to_seconds to_timestamp transaction_timestamp unix_timestamp utc_date utc_time
utc_timestamp week weekday year yearweek datetime strftime julianday unixepoch
array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank every
first_value group_concat grouping json_agg json_arrayagg json_object_agg json_objectagg jsonb_agg jsonb_object_agg lag
last_value lead max min mode nth_value ntile percent_rank percentile_cont percentile_disc range_agg rank regr_slope
regr_intercept regr_r2 row_number std stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance xmlagg
any_value total median
array array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position array_positions
array_prepend array_remove array_replace array_to_json array_to_string array_upper cardinality generate_series
generate_subscripts unnest trim_array row row_to_json
json_array json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_contains
json_each json_each_text json_extract json_extract_path json_extract_path_text json_keys json_length json_object
json_object_keys json_populate_record json_pretty json_search json_set json_strip_nulls json_to_record json_to_recordset
json_typeof json_unquote json_valid json_value json_query json_table json_exists jsonb_array_elements jsonb_array_elements_text
jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path
jsonb_extract_path_text jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array
jsonb_path_query_first jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof to_json
to_jsonb xmlelement xmlforest xpath
coalesce if ifnull isnull nullif nvl iif num_nonnulls num_nulls case
bit bit_count get_bit set_bit get_byte set_byte int4 int8 text bool float8
isempty lower_inc lower_inf upper_inc upper_inf range_merge int4range int8range numrange daterange tsrange tstzrange
abbrev broadcast family host hostmask inet_aton inet_ntoa inet_same_family masklen netmask network set_masklen
to_tsquery to_tsvector plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd ts_headline similarity
word_similarity gen_random_uuid uuid uuid_generate_v4 enum_range enum_first enum_last
st_astext st_distance st_x st_y st_area st_length st_intersects st_within st_dwithin st_geomfromtext st_makepoint
"""

_ASKS = """
current_catalog current_database current_query current_role current_schema current_schemas current_setting current_user
session_user user system_user database schema version connection_id found_rows row_count last_insert_id charset collation
col_description obj_description shobj_description format_type inet_client_addr inet_client_port inet_server_addr
inet_server_port has_any_column_privilege has_column_privilege has_database_privilege has_function_privilege
has_language_privilege has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege
has_tablespace_privilege has_type_privilege has_parameter_privilege pg_has_role row_security_active acldefault aclexplode
makeaclitem currval lastval txid_current_if_assigned txid_current_snapshot txid_snapshot_xmax txid_snapshot_xmin
txid_snapshot_xip txid_status txid_visible_in_snapshot pg_current_snapshot pg_current_xact_id_if_assigned pg_snapshot_xmax
pg_snapshot_xmin pg_xact_status pg_xact_commit_timestamp pg_last_committed_xact
pg_backend_pid pg_blocking_pids pg_safe_snapshot_blocking_pids pg_client_encoding pg_collation_for pg_column_compression
pg_column_size pg_conf_load_time pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system
pg_current_logfile pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_database_size
pg_describe_object pg_encoding_to_char pg_event_trigger_ddl_commands pg_filenode_relation pg_function_is_visible
pg_get_catalog_foreign_keys pg_get_constraintdef pg_get_expr pg_get_function_arguments pg_get_function_identity_arguments
pg_get_function_result pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_partition_constraintdef
pg_get_partkeydef pg_get_replica_identity_index pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef
pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_get_wal_replay_pause_state pg_identify_object
pg_identify_object_as_address pg_index_column_has_property pg_index_has_property pg_indexam_has_property pg_indexes_size
pg_input_is_valid pg_is_in_backup pg_is_in_recovery pg_is_other_temp_schema pg_is_wal_replay_paused pg_isolation_test_session_is_blocked
pg_jit_available pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_listening_channels
pg_lock_status pg_mcv_list_items pg_my_temp_schema pg_notification_queue_usage pg_opclass_is_visible pg_options_to_table
pg_partition_ancestors pg_partition_root pg_partition_tree pg_postmaster_start_time pg_relation_filenode
pg_relation_filepath pg_relation_size pg_replication_origin_progress pg_sequence_last_value pg_sequence_parameters
pg_settings_get_flags pg_show_all_settings pg_show_replication_origin_status pg_size_bytes pg_size_pretty
pg_stat_get_activity pg_stat_get_backend_activity pg_stat_get_backend_idset pg_stat_get_backend_pid
pg_stat_get_backend_start pg_stat_get_backend_client_addr pg_stat_get_backend_wait_event pg_stat_get_dead_tuples
pg_stat_get_live_tuples pg_stat_get_numscans pg_stat_get_replication_slot pg_stat_get_snapshot_timestamp
pg_stat_get_tuples_inserted pg_stat_get_wal pg_stat_get_wal_receiver pg_stat_get_wal_senders pg_stat_get_xact_numscans
pg_stat_statements pg_stat_statements_info pg_statistics_obj_is_visible pg_table_is_visible pg_table_size
pg_tablespace_databases pg_tablespace_location pg_tablespace_size pg_timezone_abbrevs pg_timezone_names
pg_total_relation_size pg_trigger_depth pg_ts_config_is_visible pg_type_is_visible pg_typeof pg_wal_lsn_diff
pg_walfile_name pg_walfile_name_offset pg_split_walfile_name pg_xact_commit_timestamp_origin
pg_get_shmem_allocations pg_get_backend_memory_contexts pg_config pg_hba_file_rules pg_ident_file_mappings
pg_available_extensions pg_available_extension_versions pg_extension_update_paths pg_prepared_xact pg_prepared_statement
pg_cursor pg_buffercache_pages pg_buffercache_summary pg_freespace pgstattuple pgstatindex pgstattuple_approx pgstathashindex
bt_metap bt_page_items bt_page_stats heap_page_items page_header get_raw_page pg_visibility pg_visibility_map
pg_visibility_map_summary pgrowlocks pg_walinspect pg_get_wal_records_info pg_get_wal_stats to_regclass to_regproc
to_regprocedure to_regrole to_regtype to_regnamespace to_regoper regclass hypopg_list_indexes hypopg_relation_size
hypopg hypopg_get_indexdef pg_ls_waldir pg_ls_logdir pg_ls_tmpdir pg_ls_archive_statusdir pg_ls_dir pg_stat_file
pg_get_replication_slots pg_stat_get_subscription pg_tablespace_avail pg_size pg_stat_get_db_xact_commit
sqlite_version changes total_changes last_insert_rowid json_each json_tree typeof glob likelihood
"""

_TYPES_AND_WORDS = """
and or not in any all some exists values as on using over filter within partition by order group where having select from
with when then else case end is like ilike similar between union intersect except join left right full inner cross lateral
limit offset returning distinct into set update insert delete only rollup cube sets grouping recursive materialized
collate at zone escape isnull notnull fetch window rows range groups
varchar character nvarchar numeric decimal dec float double real integer int bigint smallint timestamp time interval bit
varbit text bytea binary varbinary datetime signed unsigned table rows xmltable columns for ordinality tablesample system
bernoulli repeatable index key primary unique references check default explain analyze verbose buffers costs settings
timing format generic_plan wal summary memory serialize copy to stdout
"""

PURE: frozenset[str] = frozenset(f"{_PURE} {_ASKS}".split())
"""Functions that compute, or ask the server about itself."""

WORDS: frozenset[str] = frozenset(_TYPES_AND_WORDS.split())
"""What may stand before a parenthesis without being a function."""

_TERMINATE = changes(
    "ends a connection and rolls back what it was doing", hint="pg_cancel_backend ends only the statement."
)

EFFECTS: dict[str, Effect] = {
    "pg_sleep": reads("holds a connection and does nothing", Trait.HEAVY),
    "pg_sleep_for": reads("holds a connection and does nothing", Trait.HEAVY),
    "pg_sleep_until": reads("holds a connection and does nothing", Trait.HEAVY),
    "sleep": reads("holds a connection and does nothing", Trait.HEAVY),
    "benchmark": reads("keeps the server busy", Trait.HEAVY),
    "pg_read_file": reads("reads a file of the server", Trait.EXPOSES_SECRETS),
    "pg_read_binary_file": reads("reads a file of the server", Trait.EXPOSES_SECRETS),
    "load_file": reads("reads a file of the server", Trait.EXPOSES_SECRETS),
    "hypopg_create_index": reads("imagines an index, in its own session"),
    "hypopg_reset": reads("forgets imagined indexes, in its own session"),
    "hypopg_drop_index": reads("forgets an imagined index, in its own session"),
    "hypopg_hide_index": reads("hides an index from the planner, in its own session"),
    "pg_terminate_backend": _TERMINATE,
    "pg_cancel_backend": changes("ends a statement that is running"),
    "pg_reload_conf": changes("makes the server read its settings anew"),
    "pg_rotate_logfile": changes("begins a new log file"),
    "pg_switch_wal": changes("begins a new WAL file"),
    "pg_create_restore_point": changes("writes a mark into the WAL"),
    "pg_promote": destroys("makes a standby a primary of its own, which cannot be taken back"),
    "pg_wal_replay_pause": changes("stops a standby from catching up"),
    "pg_wal_replay_resume": changes("lets a standby catch up"),
    "pg_drop_replication_slot": destroys("deletes a replication slot, and its standby has to be built anew"),
    "pg_replication_slot_advance": destroys("skips changes that a consumer has not seen"),
    "pg_logical_slot_get_changes": destroys("takes changes away from their consumer"),
    "pg_logical_slot_get_binary_changes": destroys("takes changes away from their consumer"),
    "pg_replication_origin_drop": destroys("deletes how far replication has come"),
    "pg_stat_reset": destroys(
        "forgets the statistics that tell what is slow", hint="Save them first: SELECT into a file."
    ),
    "pg_stat_reset_shared": destroys("forgets the statistics that tell what is slow"),
    "pg_stat_reset_single_table_counters": destroys("forgets the statistics of a table"),
    "pg_stat_statements_reset": destroys("forgets which statements are slow"),
    "lo_unlink": destroys("deletes a large object"),
    "pg_truncate_visibility_map": changes("makes vacuum look at everything again"),
    "nextval": changes("uses up a number of a sequence"),
    "setval": destroys("sets a sequence, and may hand out numbers twice"),
    "set_config": changes("changes a setting of its session"),
    "lo_import": changes("reads a file of the server into the database"),
    "lo_export": destroys("writes a file of the server"),
    "pg_file_write": destroys("writes a file of the server"),
    "pg_file_unlink": destroys("deletes a file of the server"),
    "pg_file_rename": destroys("renames a file of the server"),
    "dblink_exec": destroys("runs a statement on another server that cannot be read here"),
    "dblink": changes("runs a statement on another server that cannot be read here"),
    "query_to_xml": changes("runs a statement that is given as text"),
    "query_to_xmlschema": changes("runs a statement that is given as text"),
    "query_to_xml_and_xmlschema": changes("runs a statement that is given as text"),
    "ts_stat": changes("runs a statement that is given as text"),
    "get_lock": changes("takes a lock"),
    "release_lock": changes("gives a lock back"),
    "load_extension": destroys("loads code into the server"),
    "sys_exec": destroys("runs a command on the server"),
    "sys_eval": destroys("runs a command on the server"),
    "writefile": destroys("writes a file"),
    "drop_chunks": destroys("deletes old data"),
}
"""Functions with an effect, or a cost, of their own."""

PREFIXES: tuple[tuple[str, Effect], ...] = (
    ("pg_advisory_", changes("takes or gives back a lock")),
    ("pg_try_advisory_", changes("takes a lock where it is free")),
    ("pg_stat_reset", destroys("forgets statistics")),
    ("pg_stat_get_", reads("asks for statistics")),
    ("pg_create_", changes("creates a replication slot")),
    ("lo_", changes("changes large objects")),
    ("dblink", changes("runs a statement on another server that cannot be read here")),
)
