-- Until a table is analyzed, the planner takes every index of it for as good as another one, and a
-- table that was empty when a run began is read whole for every batch. Autovacuum looks once a minute;
-- a run fills tables faster. This analyzes the one that grew most, if it grew by two thirds since; one caller at a time.
create function cartage_analyze_grown() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    grown regclass;
begin
    if not pg_try_advisory_xact_lock(7461830021) then
        return;
    end if;
    -- One at a time: what is undone with its transaction would pass for done.
    select relid into grown from pg_catalog.pg_stat_user_tables
    where schemaname = 'public' and n_mod_since_analyze > 100 + 0.4 * n_live_tup
    order by n_mod_since_analyze / (n_live_tup + 1.0) desc
    limit 1;
    if grown is not null then
        execute format('analyze %s', grown);
    end if;
end
$$;
revoke all on function cartage_analyze_grown() from public;
grant execute on function cartage_analyze_grown() to cartage_application;
