-- What a record's last form was made from, so that a later run knows without making it again that
-- nothing of it has changed.

-- The hash of the record in the snapshot, what else its form follows from (the mapping, the target, this
-- program), the records that it refers to, and the run whose ledger says what became of it. Null where
-- a later run must look for itself.
alter table record_written
    add column record_hash text,
    add column basis bytea,
    add column refers_to jsonb,
    add column run text,
    add column note_time timestamptz not null default clock_timestamp();
