-- Indexes whose prefixes do not pass for a key. What is asked by a record's key was also to be found by
-- (account, migration, target, kind): where the planner knew nothing of a kind yet, that cost the same,
-- and all links of the kind were read for each record (seen 2026-11-28: 46 s for a delta of 94 records
-- among 10,030, and 5 s otherwise). The column that tells most comes first now.
drop index record_link_record;
create index record_link_record
    on record_link (account_id, record_source_id, migration, target, kind);
-- One for all that look for an object of the target.
drop index record_link_target;
drop index record_link_elsewhere;
drop index record_link_target_id;
create index record_link_target_id on record_link (account_id, target_id, migration, target);
drop index run_record_outcomes;
create index run_record_outcomes on run_record (account_id, outcome, run, kind);
