-- The case store's statements. Records travel as one JSON array per table.

-- name: settle
-- A batch of tasks, all or none. The trigger on the ledger moves the rows of the cases; a move of
-- a case that is not there leaves its fixed columns null, which the table refuses. An outbox key
-- that is taken by another row makes the trigger outbox_once refuse the statement.
with opened as (
    insert into switchboard.reviews
    select r.* from jsonb_populate_recordset(null::switchboard.reviews, %(reviews)s::jsonb) r
    order by r.review_id
    on conflict do nothing
), put as (
    insert into switchboard.outbox as o
    select r.* from jsonb_populate_recordset(null::switchboard.outbox, %(outbox)s::jsonb) r
    order by r.case_id, r.key
    on conflict (case_id, key) do update set digest = excluded.digest where o.digest <> excluded.digest
), timed as (
    insert into switchboard.timers
    select r.* from jsonb_populate_recordset(null::switchboard.timers, %(timers)s::jsonb) r
    order by r.timer_id
    on conflict (timer_id) do update set status = excluded.status, fired_at = excluded.fired_at
), said as (
    insert into switchboard.messages
    select r.* from jsonb_populate_recordset(null::switchboard.messages, %(messages)s::jsonb) r
    order by r.case_id, r.key
    on conflict do nothing
)
insert into switchboard.ledger
    (case_id, namespace, task_id, ordinal, kind, step, at, seconds, data, moves)
select case_id, namespace, task_id, ordinal, kind, step, at, seconds, data, moves
from jsonb_to_recordset(%(ledger)s::jsonb) as e(
    case_id text, namespace text, task_id text, ordinal integer, kind text, step text,
    at timestamptz, seconds double precision, data jsonb, moves jsonb)
order by case_id, task_id, ordinal
on conflict do nothing;

-- name: accept
insert into switchboard.cases
select r.* from jsonb_populate_recordset(null::switchboard.cases, %(cases)s::jsonb) r
on conflict do nothing
returning case_id;

-- name: case_by_id
select * from switchboard.cases where case_id = %(case_id)s;

-- name: cases
select * from switchboard.cases
where (%(flow)s::text is null or flow = %(flow)s)
  and (%(status)s::text[] is null or status = any(%(status)s))
  and (%(labels)s::jsonb is null or labels @> %(labels)s::jsonb)
  and (%(case_ids)s::text[] is null or case_id = any(%(case_ids)s))
order by created_at desc, case_id
limit %(limit)s;

-- name: counts
select status, count(*) as cases from switchboard.cases
where (%(flow)s::text is null or flow = %(flow)s)
  and (%(labels)s::jsonb is null or labels @> %(labels)s::jsonb)
group by status;

-- name: standing
select coalesce(b.value ->> 'step', c.step) as step,
       regexp_replace(coalesce(b.key, ''), ':[0-9]+(?=/|$)', ':*', 'g') as branch,
       c.blueprint_version as version, count(distinct c.case_id)::integer as cases
from switchboard.cases c
left join lateral jsonb_each(c.branches) b on b.value ->> 'status' <> 'parted'
where c.flow = %(flow)s and c.status <> 'accepted' and c.ended_at is null
group by 1, 2, 3
order by 1, 2, 3;

-- name: stories
-- A case has one writer at a time, so within a case the places are in the order of the facts. An erased
-- payload is empty.
select case_id, namespace, task_id, ordinal, kind, step, at, seconds, coalesce(data, '{}') as data
from switchboard.ledger
where case_id = any(%(case_ids)s)
order by place;

-- name: attempts
select case_id, namespace, task_id, ordinal, kind, step, at, seconds, coalesce(data, '{}') as data
from switchboard.ledger
where case_id = %(case_id)s and namespace = %(namespace)s
  and starts_with(task_id, %(task_id)s || '#') and kind = 'attempt_failed'
order by place;

-- name: letters
select * from switchboard.dead_letters
where (%(letter_id)s::text is null or letter_id = %(letter_id)s)
  and (%(case_id)s::text is null or case_id = %(case_id)s)
  and (%(flow)s::text is null or flow = %(flow)s)
  and (%(status)s::text is null or status = %(status)s)
order by set_aside_at, letter_id
limit %(limit)s;

-- name: rungs
select rung, entered, ended from switchboard.rungs;

-- name: review_by_id
select * from switchboard.reviews where review_id = %(review_id)s;

-- name: reviews
select * from switchboard.reviews
where (%(flow)s::text is null or flow = %(flow)s)
  and (%(status)s::text is null or status = %(status)s)
  and (%(case_id)s::text is null or case_id = %(case_id)s)
order by opened_at, review_id
limit %(limit)s;

-- name: timers
select * from switchboard.timers
where (%(due)s::timestamptz is null or due_at <= %(due)s)
  and (%(case_id)s::text is null or case_id = %(case_id)s)
  and (%(status)s::text is null or status = %(status)s)
order by due_at, timer_id
limit %(limit)s;

-- name: cancel_timers
update switchboard.timers t set status = 'cancelled'
from (select unnest(%(timer_ids)s::text[]) as timer_id order by 1) wanted
where t.timer_id = wanted.timer_id and t.status = 'set'
returning t.timer_id;

-- name: conversation
-- The latest summary, and the messages that it does not cover or that are among the last.
with numbered as (
    select m.*, max(covers) over () as covered,
           row_number() over (partition by role = 'summary' order by said_at, ordinal, key) as number,
           count(*) over (partition by role = 'summary') as of_kind
    from switchboard.messages m where case_id = %(case_id)s
)
select case_id, key, role, text, step, said_at, ordinal, covers, number from numbered
where %(last)s::integer is null
   or case when role = 'summary' then covers = covered
           else number > least(covered, of_kind - %(last)s::integer) end
order by said_at, ordinal, key;

-- name: outbox
select * from switchboard.outbox
where %(case_id)s::text is null or case_id = %(case_id)s
order by created_at, case_id, key
limit %(limit)s;

-- name: conflicts
select o.key from switchboard.outbox o
join unnest(%(keys)s::text[], %(digests)s::text[]) as w(key, digest) on w.key = o.key
where o.case_id = %(case_id)s and o.digest <> w.digest;
