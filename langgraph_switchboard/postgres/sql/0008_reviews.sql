-- Reviews with an owner, a time limit, several people and a moment in which to take a decision back.

alter table switchboard.reviews
    add column kind          text not null default '',
    add column risk          text not null default 'medium' check (risk in ('low', 'medium', 'high')),
    add column amount        double precision,
    add column owner         text not null default '',
    add column agent         text not null default '',
    add column expires_at    timestamptz,
    add column on_expiry     text not null default 'escalate' check (on_expiry in ('decline', 'escalate')),
    add column remind_at     timestamptz,
    add column reminded_at   timestamptz,
    add column escalates_to  text,
    add column escalated_at  timestamptz,
    add column people        integer not null default 1 check (people >= 1),
    add column approvals     jsonb not null default '[]',
    add column proposed      jsonb,
    add column assigned_to   text,
    add column assigned_at   timestamptz,
    add column effective_at  timestamptz,
    add column went_on_at    timestamptz,
    add column revision      integer not null default 0,
    drop constraint reviews_status_check,
    drop constraint reviews_check,
    add check (status in ('open', 'held', 'decided')),
    add check ((status <> 'open') = (decision is not null and decided_by is not null and decided_at is not null)),
    add check (status <> 'held' or effective_at is not null);

comment on column switchboard.reviews.kind is 'What sort of question it is: the name of its step, or doubt; only one kind is decided in bulk.';
comment on column switchboard.reviews.owner is 'The group that answers it now; an escalation changes it.';
comment on column switchboard.reviews.agent is 'The step that made what is decided on.';
comment on column switchboard.reviews.approvals is
    'Who has approved what is proposed, of the people that it needs: [{by, at, source}].';
comment on column switchboard.reviews.proposed is
    'A decision that waits for a further person: an edit or an answer that somebody else has to approve.';
comment on column switchboard.reviews.assigned_to is 'Who is looking at it; keeps nobody else from deciding.';
comment on column switchboard.reviews.effective_at is
    'Until then a held decision can be taken back; from then on the case goes on with it.';
comment on column switchboard.reviews.went_on_at is 'When the case was seen to have gone on after the decision.';
comment on column switchboard.reviews.revision is 'Raised by every change; who changes a row names the one he read.';

update switchboard.reviews set kind = step, went_on_at = decided_at;

-- The inbox reads the few that are not decided; a table of many thousand decided ones stays unread.
create index reviews_inbox on switchboard.reviews (opened_at, review_id) where status <> 'decided';
create index reviews_to_time on switchboard.reviews (least(
        case when status = 'held' then effective_at end,
        case when status = 'open' and reminded_at is null then remind_at end,
        case when status = 'open' then expires_at end))
    where status <> 'decided';
create index reviews_to_go_on on switchboard.reviews (decided_at)
    where status = 'decided' and went_on_at is null;
create index reviews_decided on switchboard.reviews (decided_at desc) where status = 'decided';
create index reviews_words on switchboard.reviews using gin ((
        to_tsvector('simple', review_id || ' ' || case_id || ' ' || reason)
        || jsonb_to_tsvector('simple', shown, '["string", "numeric"]')))
    where status <> 'decided';
-- Cases by the beginning of their id, and page by page over all flows.
create index cases_by_id on switchboard.cases (case_id text_pattern_ops);
create index cases_in_time on switchboard.cases (created_at, case_id);
create index cases_ended_badly on switchboard.cases (created_at, case_id)
    where status in ('declined', 'dead_lettered');

drop view switchboard.waiting_reviews;
create view switchboard.waiting_reviews as
    select review_id, case_id, flow, step, kind, subject, agent, owner, risk, amount, reason, assigned_to,
           people, jsonb_array_length(approvals) as approved, opened_at, due_at, expires_at, escalated_at,
           now() - opened_at as waiting, due_at is not null and due_at < now() as overdue
    from switchboard.reviews where status = 'open';
comment on view switchboard.waiting_reviews is 'Who waits for a person, on what, since when, and for whom.';

create view switchboard.review_approvals as
    select r.review_id, r.case_id, r.flow, a.by, a.at
    from switchboard.reviews r cross join lateral jsonb_to_recordset(r.approvals) as a(by text, at timestamptz);
comment on view switchboard.review_approvals is 'Who approved what, where a review needs several people.';

create view switchboard.review_figures as
    select flow, kind, agent, (decided_at at time zone 'UTC')::date as day, count(*) as decided,
           count(*) filter (where decision ->> 'type' = 'approve') as approved,
           count(*) filter (where decision ->> 'type' = 'edit') as edited,
           count(*) filter (where decision ->> 'type' = 'respond') as answered,
           count(*) filter (where decision ->> 'type' = 'reject') as rejected,
           count(*) filter (where due_at is not null and decided_at > due_at) as late,
           percentile_cont(0.5) within group (order by extract(epoch from decided_at - opened_at))
               as median_seconds
    from switchboard.reviews where status = 'decided' and decision ->> 'type' not in ('erased', 'cancelled')
    group by 1, 2, 3, 4;
comment on view switchboard.review_figures is
    'Decisions by flow, kind, agent and day: how many, how fast, and how many approved unchanged.';
