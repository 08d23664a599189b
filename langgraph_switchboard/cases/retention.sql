-- Retention: old checkpoints of finished cases go, the ledger stays. And the erasure of cases.

-- name: saver_is_there
select to_regclass('public.checkpoints') is not null as there;

-- name: finished_before
-- The next finished cases in the order of their ends, locked, so that two that prune take turns. Cases
-- whose checkpoints are deltas of each other are left out: their last one means nothing alone.
select c.case_id, c.ended_at,
       exists (
           select from public.checkpoints k
           where k.thread_id = c.case_id
             and k.metadata ?| array['counters_since_delta_snapshot', 'delta_writes_versioned']
       ) as deltas
from switchboard.cases c
where c.status in ('finished', 'declined') and c.ended_at < %(before)s
  and (c.ended_at, c.case_id) > (%(ended_at)s, %(case_id)s)
order by c.ended_at, c.case_id limit %(limit)s
for no key update of c;

-- name: remove_checkpoints
-- Where the last one stays, it is the root graph's: nothing resumes into a subgraph of an ended case.
with last as (
    select distinct on (thread_id) thread_id, checkpoint_ns, checkpoint_id,
           checkpoint -> 'channel_versions' as versions
    from public.checkpoints
    where %(keep)s and thread_id = any(%(case_ids)s) and checkpoint_ns = ''
    order by thread_id, checkpoint_id desc
), checkpoints_gone as (
    delete from public.checkpoints k
    where thread_id = any(%(case_ids)s) and not exists (
        select from last where (last.thread_id, last.checkpoint_ns, last.checkpoint_id)
                             = (k.thread_id, k.checkpoint_ns, k.checkpoint_id))
    returning pg_column_size(k.*) as bytes, thread_id
), writes_gone as (
    delete from public.checkpoint_writes k
    where thread_id = any(%(case_ids)s) and not exists (
        select from last where (last.thread_id, last.checkpoint_ns, last.checkpoint_id)
                             = (k.thread_id, k.checkpoint_ns, k.checkpoint_id))
    returning pg_column_size(k.*) as bytes, thread_id
), blobs_gone as (
    delete from public.checkpoint_blobs k
    where thread_id = any(%(case_ids)s) and not exists (
        select from last where (last.thread_id, last.checkpoint_ns) = (k.thread_id, k.checkpoint_ns)
                           and last.versions ->> k.channel = k.version)
    returning pg_column_size(k.*) as bytes, thread_id
), all_gone as (
    select 'checkpoints' as what, bytes, thread_id from checkpoints_gone
    union all select 'writes', bytes, thread_id from writes_gone
    union all select 'blobs', bytes, thread_id from blobs_gone
)
select count(distinct thread_id) as cases,
       count(*) filter (where what = 'checkpoints') as checkpoints,
       count(*) filter (where what = 'writes') as writes,
       count(*) filter (where what = 'blobs') as blobs,
       coalesce(sum(bytes), 0)::bigint as bytes
from all_gone;

-- name: cut_off_parents
update public.checkpoints set parent_checkpoint_id = null
where thread_id = any(%(case_ids)s) and parent_checkpoint_id is not null;

-- name: cases_of_person
select case_id from switchboard.cases where input #>> %(path)s = %(value)s order by case_id;

-- name: lock_cases
select case_id, status, ended_at is null as open from switchboard.cases
where case_id = any(%(case_ids)s) order by case_id for no key update;

-- name: supersede
-- Whoever drives one of these cases writes nothing more: his epoch is an old one from here on.
insert into switchboard.case_owner as o (case_id, epoch, run, process, lease_until)
select case_id, 1, 'erasure', 0, '-infinity' from unnest(%(case_ids)s::text[]) as w(case_id)
order by case_id
on conflict (case_id) do update set
    epoch = o.epoch + 1, run = excluded.run, process = excluded.process, lease_until = excluded.lease_until;

-- name: erase_payloads
select switchboard.erase_payloads(%(case_ids)s, %(by)s) as entries;

-- name: erase_cases
update switchboard.cases set input = '{}', labels = '{}', reason = 'erased' where case_id = any(%(case_ids)s);

-- name: erase_reviews
-- The kind of the decision and who made it stay; a question that is still open has no one to ask for.
update switchboard.reviews
set shown = '{}', reason = '', digest = '', proposed = null, amount = null, status = 'decided',
    went_on_at = coalesce(went_on_at, clock_timestamp()), revision = revision + 1,
    decision = jsonb_build_object('type', coalesce(decision -> 'type', '"erased"')),
    decided_by = coalesce(decided_by, %(by)s), decided_at = coalesce(decided_at, clock_timestamp())
where case_id = any(%(case_ids)s);

-- name: erase_outbox
delete from switchboard.outbox where case_id = any(%(case_ids)s);

-- name: erase_timers
delete from switchboard.timers where case_id = any(%(case_ids)s);

-- name: erase_messages
delete from switchboard.messages where case_id = any(%(case_ids)s);

-- name: sizes
select relnamespace::regnamespace::text || '.' || relname as table, pg_total_relation_size(oid) as bytes
from pg_class
where relkind = 'r' and (relnamespace = to_regnamespace('switchboard')
    or relname in ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes')
    and relnamespace = to_regnamespace('public'))
order by bytes desc, 1;
