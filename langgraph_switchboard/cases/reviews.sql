-- The statements of the inbox and of time: reviews that are not decided, and what becomes of them.

-- name: amend
-- Compare and set by the revision that was read; the ledger is told in the same commit.
with amended as (
    update switchboard.reviews r
    set (status, due_at, decision, decided_by, decided_at, owner, expires_at, remind_at, reminded_at,
         escalated_at, people, approvals, proposed, assigned_to, assigned_at, effective_at, went_on_at,
         revision)
      = (select s.status, s.due_at, s.decision, s.decided_by, s.decided_at, s.owner, s.expires_at,
                s.remind_at, s.reminded_at, s.escalated_at, s.people, s.approvals, s.proposed,
                s.assigned_to, s.assigned_at, s.effective_at, s.went_on_at, s.revision
         from jsonb_populate_record(null::switchboard.reviews, %(after)s::jsonb) s)
    where r.review_id = %(review_id)s and r.revision = %(revision)s
    returning r.*
), told as (
    insert into switchboard.ledger (case_id, namespace, task_id, ordinal, kind, step, at, seconds, data)
    select e.case_id, '', e.task_id, 0, e.kind, e.step, e.at, null, e.data
    from amended, jsonb_to_recordset(%(events)s::jsonb) as e(
        case_id text, task_id text, kind text, step text, at timestamptz, data jsonb)
    on conflict do nothing
)
select * from amended;

-- name: inbox
select * from switchboard.reviews
where status <> 'decided'
  and (%(flow)s::text is null or flow = %(flow)s)
  and (%(kind)s::text is null or kind = %(kind)s)
  and (%(risk)s::text is null or risk = %(risk)s)
  and (%(owner)s::text is null or owner = %(owner)s)
  and (%(assigned_to)s::text is null or assigned_to = %(assigned_to)s)
  and (%(overdue_at)s::timestamptz is null or due_at < %(overdue_at)s)
  and (opened_at, review_id) > (%(opened_at)s::timestamptz, %(review_id)s::text)
order by opened_at, review_id
limit %(limit)s;

-- name: inbox_search
-- Apart from `inbox`, so that each has the plan that it needs: this one begins with the words.
with found as materialized (
    select * from switchboard.reviews
    where status <> 'decided'
      and (to_tsvector('simple', review_id || ' ' || case_id || ' ' || reason)
           || jsonb_to_tsvector('simple', shown, '["string", "numeric"]'))
          @@ websearch_to_tsquery('simple', %(words)s)
)
select * from found
where (%(flow)s::text is null or flow = %(flow)s)
  and (%(kind)s::text is null or kind = %(kind)s)
  and (%(risk)s::text is null or risk = %(risk)s)
  and (%(owner)s::text is null or owner = %(owner)s)
  and (%(assigned_to)s::text is null or assigned_to = %(assigned_to)s)
  and (%(overdue_at)s::timestamptz is null or due_at < %(overdue_at)s)
  and (opened_at, review_id) > (%(opened_at)s::timestamptz, %(review_id)s::text)
order by opened_at, review_id
limit %(limit)s;

-- name: inbox_counts
select flow, kind, risk, owner, count(*) as waiting,
       count(*) filter (where due_at < %(now)s) as overdue, min(opened_at) as oldest
from switchboard.reviews
where status <> 'decided'
group by flow, kind, risk, owner
order by flow, kind, risk, owner;

-- name: figures
select case when grouping(agent) = 0 then 'agent' when grouping(kind) = 0 then 'kind' else 'all' end as by,
       coalesce(agent, kind, '') as name, count(*) as decided,
       jsonb_build_object(
           'approve', count(*) filter (where type = 'approve'),
           'edit', count(*) filter (where type = 'edit'),
           'respond', count(*) filter (where type = 'respond'),
           'reject', count(*) filter (where type = 'reject')) as types,
       count(*) filter (where due_at is not null and decided_at > due_at) as late,
       percentile_cont(0.5) within group (order by extract(epoch from decided_at - opened_at))
           ::double precision as median_seconds
from (
    select agent, kind, due_at, decided_at, opened_at, decision ->> 'type' as type
    from switchboard.reviews
    where status = 'decided' and decided_at >= %(since)s and decision ->> 'type' not in ('erased', 'cancelled')
      and (%(flow)s::text is null or flow = %(flow)s)
) d
group by grouping sets ((), (agent), (kind))
having count(*) > 0
order by 1, decided desc, 2;

-- name: due
-- The same expression as that of the index.
select * from switchboard.reviews
where status <> 'decided' and least(
        case when status = 'held' then effective_at end,
        case when status = 'open' and reminded_at is null then remind_at end,
        case when status = 'open' then expires_at end) <= %(now)s
order by opened_at, review_id
limit %(limit)s;

-- name: went_on
-- Seen to have gone on: the case does not wait, or waits for what was asked later.
update switchboard.reviews r set went_on_at = %(now)s
from switchboard.cases c
where r.status = 'decided' and r.went_on_at is null and r.decided_at < %(before)s
  and c.case_id = r.case_id
  and (r.review_id = any(%(review_ids)s) or c.status <> 'waiting' or exists (
      select from switchboard.reviews o where o.case_id = r.case_id and o.opened_at > r.decided_at));

-- name: not_gone_on
select * from switchboard.reviews
where status = 'decided' and went_on_at is null
  and decided_at < %(before)s and decided_at >= %(after)s
order by decided_at
limit %(limit)s;

-- name: cases_page
select * from switchboard.cases
where (%(flow)s::text is null or flow = %(flow)s)
  and (%(status)s::text is null or status = %(status)s)
  and (%(prefix)s::text is null or case_id like %(prefix)s)
  and (%(labels)s::jsonb is null or labels @> %(labels)s::jsonb)
  and (created_at, case_id) < (%(created_at)s::timestamptz, %(case_id)s::text)
order by created_at desc, case_id desc
limit %(limit)s;
