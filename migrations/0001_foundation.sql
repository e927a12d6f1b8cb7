-- Roles, accounts and the envelope of every API resource.
--
-- Three roles: the owner (whoever runs these migrations), the application (row-level security is
-- forced on it) and the system (the scheduler and the janitor: it sees which accounts there are and
-- which work is due in any of them, and nothing of what the work is about). The server logs in once and takes a role per pool.

do $$
declare
    needed text;
    member boolean;
begin
    foreach needed in array array['cartage_application', 'cartage_system'] loop
        if not exists (select from pg_roles where rolname = needed) then
            begin
                execute format(
                    'create role %I nologin nosuperuser nobypassrls nocreatedb nocreaterole',
                    needed);
            exception
                -- Two databases of one server may be migrated at the same time.
                when duplicate_object or unique_violation then null;
            end;
        end if;
        -- Whoever runs this must be able to take the roles. Making a role is not enough for that: up
        -- to PostgreSQL 15 its maker is no member, and from 16 on a member who may not set it.
        if current_setting('server_version_num')::integer >= 160000 then
            execute 'select pg_has_role(current_user, $1, $2)' into member using needed, 'SET';
            if not member then
                execute format('grant %I to current_user with set true, inherit false', needed);
            end if;
        elsif not pg_has_role(current_user, needed, 'MEMBER') then
            execute format('grant %I to current_user', needed);
        end if;
    end loop;
end
$$;

-- The account of the current transaction; null (and so: no rows) when none was set.
create function cartage_account() returns text
    language sql stable
    return nullif(current_setting('cartage.account', true), '');

create table account (
    account_id text primary key,
    create_time timestamptz not null default clock_timestamp()
);

-- Every resource of the API: its name, its envelope (uid, revision, state, times) and its body.
-- One table, because the rules of the envelope (etags, request ids, listing, isolation) are the
-- same for all; the body is the noun's own type in the server.
create table resource (
    account_id text not null references account,
    name text not null,
    type text not null,
    parent text,
    uid uuid not null,
    revision bigint not null default 1,
    state text not null,
    body jsonb not null,
    create_time timestamptz not null default clock_timestamp(),
    update_time timestamptz not null default clock_timestamp(),
    delete_time timestamptz,
    primary key (account_id, name),
    unique (account_id, uid),
    foreign key (account_id, parent) references resource (account_id, name)
);
create index resource_children on resource (account_id, type, parent, create_time, name);
create index resource_parent on resource (account_id, parent);

-- What belongs to a resource and must never leave in it: credentials and data keys, sealed with
-- the deployment's key.
create table secret (
    account_id text not null,
    resource text not null,
    purpose text not null,
    sealed bytea not null,
    update_time timestamptz not null default clock_timestamp(),
    primary key (account_id, resource, purpose),
    foreign key (account_id, resource) references resource (account_id, name) on delete cascade
);

-- One row per mutation that carried a request id: the same request again gets the same answer.
create table request_log (
    account_id text not null references account,
    method text not null,
    request_id uuid not null,
    fingerprint bytea not null,
    response bytea not null,
    create_time timestamptz not null default clock_timestamp(),
    primary key (account_id, method, request_id)
);
create index request_log_age on request_log (create_time);

-- Durable events. A stream is a migration's or connection's name, or empty for the account's own.
-- The head is a counter row, so that sequences are gapless and in commit order.
create table event_head (
    account_id text not null references account,
    stream text not null,
    sequence bigint not null,
    primary key (account_id, stream)
);
create table event (
    account_id text not null references account,
    stream text not null,
    sequence bigint not null,
    uid uuid not null,
    type text not null,
    resource text not null,
    actor text not null,
    previous_state text,
    state text,
    failure jsonb,
    attributes jsonb not null default '{}',
    create_time timestamptz not null default clock_timestamp(),
    primary key (account_id, stream, sequence)
);
create index event_resource on event (account_id, resource, sequence);

-- Work that is due: one row per resource that is being worked on. The epoch fences every write of
-- a worker; the database's clock decides about leases.
create table job (
    account_id text not null,
    resource text not null,
    queue text not null,
    epoch bigint not null default 0,
    worker text,
    lease_until timestamptz,
    run_at timestamptz not null default clock_timestamp(),
    attempt integer not null default 0,
    primary key (account_id, resource),
    foreign key (account_id, resource) references resource (account_id, name) on delete cascade
);
create index job_due on job (run_at);
-- Epochs are never used twice, so that a worker of a job that ended and came again is not taken for
-- one of the new job.
create sequence job_epoch;

-- How far long work has come: rewritten once a second while a worker is at it, and read by
-- watchers. Beside the resource, so that progress does not change the resource's etag.
create table progress (
    account_id text not null,
    resource text not null,
    body jsonb not null,
    update_time timestamptz not null default clock_timestamp(),
    primary key (account_id, resource),
    foreign key (account_id, resource) references resource (account_id, name) on delete cascade
);

-- Isolation, forced, on every table that has an account.
do $$
declare
    guarded text;
begin
    foreach guarded in array array['account', 'resource', 'secret', 'request_log', 'event_head', 'event', 'job', 'progress'] loop
        execute format('alter table %I enable row level security', guarded);
        execute format('alter table %I force row level security', guarded);
        execute format(
            'create policy account_isolation on %I to cartage_application using (account_id = cartage_account()) with check (account_id = cartage_account())',
            guarded);
        execute format('grant select, insert, update, delete on %I to cartage_application', guarded);
    end loop;
end
$$;
create policy due_work on job to cartage_system using (true) with check (true);
-- Only what claiming, renewing and giving back need.
grant select (account_id, resource, queue, epoch, lease_until, run_at, attempt) on job to cartage_system;
grant update (epoch, worker, lease_until, run_at, attempt) on job to cartage_system;
-- The janitor goes from account to account and works in each as the application; it needs their ids.
create policy known_accounts on account for select to cartage_system using (true);
grant select (account_id) on account to cartage_system;
grant usage on sequence job_epoch to cartage_system;
grant usage on schema public to cartage_application, cartage_system;
