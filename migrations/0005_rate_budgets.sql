-- The budget of each shop that is worked with: how many calls it takes, as learned from its answers,
-- and what of it is given out. One row for all workers of all servers; they take slices of it, each
-- in one small transaction. `shop` is the address that is called.
create table rate_budget (
    account_id text not null references account (account_id) on delete cascade,
    shop text not null,
    body jsonb not null default '{}',
    update_time timestamptz not null default clock_timestamp(),
    primary key (account_id, shop)
) with (fillfactor = 70);

alter table rate_budget enable row level security;
alter table rate_budget force row level security;
create policy account_isolation on rate_budget to cartage_application
    using (account_id = cartage_account()) with check (account_id = cartage_account());
grant select, insert, update, delete on rate_budget to cartage_application;
