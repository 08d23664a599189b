-- Cases, reviews, the outbox and the ledger: the operational record, readable in SQL.

create table switchboard.cases (
    case_id            text primary key,
    flow               text not null,
    blueprint_version  integer not null,
    blueprint_digest   text not null,
    status             text not null
        check (status in ('accepted', 'running', 'waiting', 'finished', 'declined', 'dead_lettered')),
    step               text not null default '',
    input              jsonb not null,
    labels             jsonb not null default '{}',
    reason             text,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    ended_at           timestamptz
) with (fillfactor = 70);  -- room to change a running case's row in place, without touching an index
comment on table switchboard.cases is 'One row per case; case_id is also the LangGraph thread id.';
create index cases_newest on switchboard.cases (flow, created_at desc);
create index cases_to_drive on switchboard.cases (flow, created_at) where status in ('accepted', 'running');
create index cases_waiting on switchboard.cases (flow, created_at) where status = 'waiting';
create index cases_labels on switchboard.cases using gin (labels jsonb_path_ops);

create table switchboard.reviews (
    review_id   text primary key,
    case_id     text not null,
    flow        text not null,
    step        text not null,
    version     integer not null,
    subject     text not null,
    shown       jsonb not null,
    digest      text not null,
    reason      text not null,
    status      text not null check (status in ('open', 'decided')),
    opened_at   timestamptz not null,
    due_at      timestamptz,
    decision    jsonb,
    decided_by  text,
    decided_at  timestamptz,
    check ((status = 'decided') = (decision is not null and decided_by is not null and decided_at is not null))
);
comment on table switchboard.reviews is 'Questions to people, and the decision that stands.';
create index reviews_open on switchboard.reviews (flow, opened_at) where status = 'open';
create index reviews_of_case on switchboard.reviews (case_id);

create table switchboard.outbox (
    case_id     text not null,
    key         text not null,
    step        text not null,
    row         jsonb not null,
    digest      text not null,
    created_at  timestamptz not null,
    primary key (case_id, key)
);
comment on table switchboard.outbox is 'What is to leave the house: each key of a case once.';
create index outbox_oldest on switchboard.outbox (created_at);

create function switchboard.refuse_rewrite() returns trigger language plpgsql as $$
begin
    raise exception 'another row stands under this key' using errcode = 'SB001', detail = old.key;
end $$;
comment on function switchboard.refuse_rewrite is
    'What is in the outbox under a key stays: asking for something else under it is a conflict (SB001).';
create trigger outbox_once before update of row, digest on switchboard.outbox
    for each row when (old.digest is distinct from new.digest)
    execute function switchboard.refuse_rewrite();

create table switchboard.ledger (
    case_id    text not null,
    namespace  text not null,
    task_id    text not null,
    ordinal    integer not null,
    place      bigint generated always as identity,
    kind       text not null,
    step       text not null,
    at         timestamptz not null,
    seconds    double precision,
    data       jsonb not null,
    moves      jsonb,
    primary key (case_id, namespace, task_id, ordinal)
);
comment on table switchboard.ledger is 'What happened to each case; rows are added, never changed.';
comment on column switchboard.ledger.moves is
    'What this fact changes in the row of its case; a full row where the case is new.';

-- The row of a case follows its ledger, in the same transaction, whoever writes the ledger. A
-- fact that was there already (ON CONFLICT DO NOTHING) is not in `fresh` and moves nothing.
create function switchboard.move_cases() returns trigger language plpgsql as $$
begin
    if not exists (select from fresh where moves is not null) then
        return null;
    end if;
    -- Planned anew each time: a plan from when the table was small would read it whole later on.
    -- Column by column: jsonb_populate_record takes more time than all the rest.
    execute $move$
        insert into switchboard.cases as c
        select moved.case_id,
               coalesce(standing.flow, moves ->> 'flow'),
               coalesce(standing.blueprint_version, (moves ->> 'blueprint_version')::integer),
               coalesce(standing.blueprint_digest, moves ->> 'blueprint_digest'),
               case when moves ? 'status' then moves ->> 'status' else standing.status end,
               case when moves ? 'step' then moves ->> 'step' else standing.step end,
               coalesce(standing.input, moves -> 'input'),
               coalesce(standing.labels, moves -> 'labels'),
               case when moves ? 'reason' then moves ->> 'reason' else standing.reason end,
               coalesce(standing.created_at, (moves ->> 'created_at')::timestamptz),
               case when moves ? 'updated_at'
                    then (moves ->> 'updated_at')::timestamptz else standing.updated_at end,
               case when moves ? 'ended_at'
                    then (moves ->> 'ended_at')::timestamptz else standing.ended_at end
        from (
            select f.case_id, jsonb_object_agg(m.key, m.value order by f.place) as moves
            from fresh f cross join lateral jsonb_each(f.moves) as m
            group by f.case_id
        ) as moved
        left join switchboard.cases standing on standing.case_id = moved.case_id
        order by moved.case_id
        on conflict (case_id) do update set
            status = excluded.status,
            step = excluded.step,
            reason = excluded.reason,
            updated_at = excluded.updated_at,
            ended_at = excluded.ended_at
    $move$;
    return null;
end $$;
create trigger ledger_moves_cases after insert on switchboard.ledger
    referencing new table as fresh for each statement
    execute function switchboard.move_cases();

create view switchboard.waiting_reviews as
    select review_id, case_id, flow, step, subject, reason, opened_at, due_at,
           now() - opened_at as waiting, due_at is not null and due_at < now() as overdue
    from switchboard.reviews where status = 'open';
comment on view switchboard.waiting_reviews is 'Who waits for a person, on what, and since when.';

create view switchboard.steps as
    select l.case_id, c.flow, l.step, l.at, l.seconds,
           l.data ->> 'agent' as agent, l.data ->> 'owner' as owner, l.data ->> 'goto' as goto,
           (l.data ->> 'confidence')::float as confidence, l.data ->> 'model' as model,
           (l.data ->> 'input_tokens')::bigint as input_tokens,
           (l.data ->> 'output_tokens')::bigint as output_tokens,
           (l.data ->> 'cost_usd')::numeric as cost_usd
    from switchboard.ledger l join switchboard.cases c using (case_id)
    where l.kind in ('step_finished', 'routed', 'gated');
comment on view switchboard.steps is 'Every finished step with its agent, time, confidence, tokens and cost.';
