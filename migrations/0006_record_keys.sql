-- By what records of the ledger are found: order numbers, article numbers and e-mail addresses as
-- hashes with a key of the deployment. The values themselves stand in the snapshots alone.
--
-- A key goes with its row of the ledger.

create table record_key (
    account_id text not null,
    migration text not null,
    key_type text not null,
    digest bytea not null,
    run text not null,
    kind text not null,
    source_id text not null,
    primary key (account_id, migration, key_type, digest, run, kind, source_id),
    foreign key (account_id, run, kind, source_id)
        references run_record (account_id, run, kind, source_id) on delete cascade,
    constraint record_key_type check (key_type in ('order_number', 'sku', 'email'))
);
create index record_key_record on record_key (account_id, run, kind, source_id);

alter table record_key enable row level security;
alter table record_key force row level security;
create policy account_isolation on record_key to cartage_application
    using (account_id = cartage_account()) with check (account_id = cartage_account());
grant select, insert, update, delete on record_key to cartage_application;

-- Links are asked for by target id alone, whichever shop it is in. A link that was imported has an
-- empty create_run.
create index record_link_target_id on record_link (account_id, migration, target_id);
