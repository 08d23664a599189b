-- Ownership of cases: claim, renew, release.

-- name: claim
-- One statement for many cases. A case is free when its lease has run out, or when the process
-- that held it is gone: its connection ended, and with it its advisory lock. The run that holds it
-- may take it again.
with alive as (
    select (l.classid::bigint << 32) | l.objid::bigint as process
    from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
)
insert into switchboard.case_owner as o (case_id, epoch, run, process, lease_until)
select w.case_id, 1, w.run, %(process)s, clock_timestamp() + make_interval(secs => %(lease)s)
from unnest(%(case_ids)s::text[], %(runs)s::text[]) as w(case_id, run)
order by w.case_id
on conflict (case_id) do update set
    epoch = o.epoch + 1, run = excluded.run, process = excluded.process, lease_until = excluded.lease_until,
    -- Whoever had it did not give it back. The same run that takes it again has not died.
    died = o.lease_until > '-infinity' and o.run <> excluded.run,
    crashes = o.crashes + (o.lease_until > '-infinity' and o.run <> excluded.run)::integer
where o.lease_until < clock_timestamp() or o.process not in (select process from alive)
    or o.run = excluded.run
returning case_id, epoch, died;

-- name: count_crash
-- The count begins anew on another checkpoint: there was progress in between.
update switchboard.case_owner
set crashes = case when stands = %(stands)s then crashes else 1 end, stands = %(stands)s
where case_id = %(case_id)s and epoch = %(epoch)s
returning crashes;

-- name: renew
update switchboard.case_owner o
set lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
from (
    select w.case_id, w.epoch from unnest(%(case_ids)s::text[], %(epochs)s::bigint[]) as w(case_id, epoch)
    order by w.case_id
) held
where o.case_id = held.case_id and o.epoch = held.epoch
returning o.case_id;

-- name: release
update switchboard.case_owner o
set lease_until = '-infinity'
from (
    select w.case_id, w.epoch from unnest(%(case_ids)s::text[], %(epochs)s::bigint[]) as w(case_id, epoch)
    order by w.case_id
) held
where o.case_id = held.case_id and o.epoch = held.epoch;

-- name: owner
select epoch, run, process, lease_until from switchboard.case_owner where case_id = %(case_id)s;

-- name: be_alive
select pg_advisory_lock(%(process)s);
