-- Several servers on one database.

-- The isolated shop of a TEST run lives in the process that ran it: work on such a run is for that
-- process as long as it shows that it lives, and for anybody after that.
alter table job
    add column holder text,
    add column holder_until timestamptz;
create index job_holder on job (holder) where holder is not null;
grant select (holder, holder_until) on job to cartage_system;
grant update (holder, holder_until) on job to cartage_system;

-- Under which term of the lease a result was written: not always that of the intent, for whoever
-- takes a run up again may find out what became of a call.
alter table external_call add column result_epoch bigint;
