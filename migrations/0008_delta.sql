-- What runs that change records need: what was written last, what stood there before, and what source
-- and target both changed.

-- The digests of what was written last of a record, leaf by leaf. Goes with the record's own link.
create table record_written (
    account_id text not null,
    migration text not null,
    target text not null,
    kind text not null,
    source_id text not null,
    fingerprint bytea not null,
    primary key (account_id, migration, target, kind, source_id),
    foreign key (account_id, migration) references resource (account_id, name) on delete cascade
);

-- What stood in the target before a run changed it: its fields, sealed, and what was known of it. A row
-- is written before the first call, with the digests of what the run is about to send, and stays until the
-- run is gone.
create table record_before (
    account_id text not null,
    run text not null,
    kind text not null,
    source_id text not null,
    target_id text not null,
    fields bytea not null,
    payload_hash text,
    fingerprint bytea,
    sent bytea not null,
    was_linked boolean not null,
    create_time timestamptz not null default clock_timestamp(),
    primary key (account_id, run, kind, source_id),
    foreign key (account_id, run) references resource (account_id, name) on delete cascade
);

create index record_before_record on record_before (account_id, kind, source_id);

-- Fields that source and target both changed since they were written. The values are sealed; by their
-- digests a decision is known to be about what is there now.
create table record_conflict (
    account_id text not null,
    migration text not null,
    target text not null,
    kind text not null,
    source_id text not null,
    field text not null,
    run text not null,
    source_digest bytea not null,
    target_digest bytea not null,
    field_values bytea not null,
    resolution text not null default '',
    resolver text not null default '',
    resolve_time timestamptz,
    create_time timestamptz not null default clock_timestamp(),
    primary key (account_id, migration, target, kind, source_id, field),
    foreign key (account_id, migration) references resource (account_id, name) on delete cascade,
    constraint record_conflict_resolution check (resolution in ('', 'source', 'target'))
);
create index record_conflict_run on record_conflict (account_id, run, kind, source_id, field);

-- What another migration has taken over is asked by the shop's own id.
create index record_link_elsewhere on record_link (account_id, target, target_id);

do $$
declare
    guarded text;
begin
    foreach guarded in array array['record_written', 'record_before', 'record_conflict'] loop
        execute format('alter table %I enable row level security', guarded);
        execute format('alter table %I force row level security', guarded);
        execute format(
            'create policy account_isolation on %I to cartage_application using (account_id = cartage_account()) with check (account_id = cartage_account())',
            guarded);
        execute format('grant select, insert, update, delete on %I to cartage_application', guarded);
    end loop;
end
$$;
