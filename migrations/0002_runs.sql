-- What a run leaves behind: the ledger, the links, the journal of external calls, and what
-- verification and audit found.
--
-- `target` is the name of the target connection for LIVE runs, and the run's own name for TEST
-- runs, whose isolated shop belongs to the run.

-- What became of every record of a run.
create table run_record (
    account_id text not null,
    run text not null,
    kind text not null,
    source_id text not null,
    ordinal bigint,
    outcome text not null,
    effect text not null,
    reason text,
    detail jsonb not null default '{}',
    attempt_count integer not null default 1,
    finish_time timestamptz not null default clock_timestamp(),
    primary key (account_id, run, kind, source_id),
    foreign key (account_id, run) references resource (account_id, name) on delete cascade,
    constraint run_record_outcome check (outcome in ('migrated', 'merged', 'changed', 'excluded', 'quarantined', 'unknown')),
    constraint run_record_effect check (effect in ('created', 'updated', 'unchanged', 'deleted', 'none'))
);
create index run_record_outcomes on run_record (account_id, run, kind, outcome);

-- Which target object a source record, or a part of it, became.
create table record_link (
    account_id text not null,
    migration text not null,
    target text not null,
    kind text not null,
    source_id text not null,
    role text not null,
    target_id text not null,
    record_source_id text not null,
    payload_hash text,
    create_run text not null,
    create_time timestamptz not null default clock_timestamp(),
    update_time timestamptz not null default clock_timestamp(),
    primary key (account_id, migration, target, kind, source_id, role),
    foreign key (account_id, migration) references resource (account_id, name) on delete cascade
);
create index record_link_target on record_link (account_id, migration, target, kind, target_id);
create index record_link_record on record_link (account_id, migration, target, kind, record_source_id);

-- The journal: one row per external call that writes. Committed before the call, completed after.
create table external_call (
    account_id text not null,
    migration text not null,
    target text not null,
    kind text not null,
    source_id text not null,
    ordinal integer not null,
    name text not null,
    payload_hash text not null,
    run text not null,
    epoch bigint not null,
    state text not null default 'intended',
    result jsonb,
    intend_time timestamptz not null default clock_timestamp(),
    result_time timestamptz,
    primary key (account_id, migration, target, kind, source_id, ordinal),
    foreign key (account_id, migration) references resource (account_id, name) on delete cascade,
    constraint external_call_state check (state in ('intended', 'applied', 'refused'))
);
create index external_call_run on external_call (account_id, run, state);

-- By which value a record is the same as another one in the target; the first one keeps it.
create table record_identity (
    account_id text not null,
    migration text not null,
    target text not null,
    kind text not null,
    identity text not null,
    source_id text not null,
    primary key (account_id, migration, target, kind, identity),
    foreign key (account_id, migration) references resource (account_id, name) on delete cascade
);

create table finding (
    account_id text not null,
    audit text not null,
    sequence bigint not null,
    uid uuid not null,
    rule text not null,
    severity text not null,
    kind text not null,
    source_id text not null,
    field text not null,
    message text not null,
    evidence text not null,
    suggestion text not null,
    create_time timestamptz not null default clock_timestamp(),
    primary key (account_id, audit, sequence),
    foreign key (account_id, audit) references resource (account_id, name) on delete cascade
);
create index finding_rule on finding (account_id, audit, rule, sequence);

create table discrepancy (
    account_id text not null,
    report text not null,
    sequence bigint not null,
    type text not null,
    kind text not null,
    source_id text not null,
    target_id text not null,
    field text not null,
    expected text not null,
    actual text not null,
    explanation text,
    primary key (account_id, report, sequence),
    foreign key (account_id, report) references resource (account_id, name) on delete cascade
);

do $$
declare
    guarded text;
begin
    foreach guarded in array array['run_record', 'record_link', 'external_call', 'record_identity', 'finding', 'discrepancy'] loop
        execute format('alter table %I enable row level security', guarded);
        execute format('alter table %I force row level security', guarded);
        execute format(
            'create policy account_isolation on %I to cartage_application using (account_id = cartage_account()) with check (account_id = cartage_account())',
            guarded);
        execute format('grant select, insert, update, delete on %I to cartage_application', guarded);
    end loop;
end
$$;
