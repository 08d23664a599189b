-- The ladder: cases that wait for a moment, and the timers that wake them.

alter table switchboard.cases drop constraint cases_status_check;
alter table switchboard.cases add constraint cases_status_check check (status in (
    'accepted', 'running', 'waiting', 'delayed', 'finished', 'declined', 'dead_lettered'));
create index cases_delayed on switchboard.cases (flow, created_at) where status = 'delayed';

create table switchboard.timers (
    timer_id  text primary key,
    case_id   text not null,
    flow      text not null,
    step      text not null,
    kind      text not null,
    due_at    timestamptz not null,
    set_at    timestamptz not null,
    payload   jsonb not null default '{}',
    status    text not null default 'set' check (status in ('set', 'fired', 'cancelled')),
    fired_at  timestamptz
);
comment on table switchboard.timers is
    'Moments at which a case goes on by itself: set and fired in the commits of the step that waits.';
create index timers_due on switchboard.timers (due_at) where status = 'set';
create index timers_of_case on switchboard.timers (case_id);

-- Dead letters: what could not go on, until an operator has it redone or lets it be. The ledger tells of
-- both; that a letter is settled once is its place in the ledger.

create index ledger_dead_letters on switchboard.ledger (case_id)
    where kind = 'branch_set_aside' or kind = 'case_ended' and data ->> 'outcome' = 'dead_lettered';
create view switchboard.dead_letters as
    select l.data ->> 'letter_id' as letter_id, l.case_id, c.flow,
           coalesce(l.data -> 'failure' ->> 'step', '') as step, coalesce(l.data ->> 'branch', '') as branch,
           coalesce(l.data ->> 'reason', '') as reason, coalesce(l.data -> 'failure', '{}') as failure,
           l.at as set_aside_at,
           case v.kind when 'dead_letter_redriven' then 'redriven'
                       when 'dead_letter_discarded' then 'discarded' else 'open' end as status,
           v.data ->> 'by' as settled_by, v.at as settled_at, v.data ->> 'why' as why
    from switchboard.ledger l
    join switchboard.cases c using (case_id)
    left join switchboard.ledger v
        on v.case_id = l.case_id and v.namespace = '' and v.ordinal = 0
        and v.task_id = 'letter ' || (l.data ->> 'letter_id')
    where (l.kind = 'branch_set_aside' or l.kind = 'case_ended' and l.data ->> 'outcome' = 'dead_lettered')
      and l.data ? 'letter_id';
comment on view switchboard.dead_letters is
    'What could not go on, and why; redriven or discarded, by whom, once an operator has settled it.';

-- Rungs: where failures ended. One that led to a step which failed as well ended further down.

create index ledger_rungs on switchboard.ledger (case_id, place) where data ? 'rung';
create view switchboard.rung_entries as
    select l.case_id, c.flow, l.step, l.at, l.data ->> 'rung' as rung, l.data ->> 'goto' as goto,
           coalesce(l.data #>> '{failure,code}', l.data #>> '{after,code}', l.data ->> 'fallback_reason')
               as code,
           coalesce(l.data #>> '{failure,problem}', l.data #>> '{after,problem}',
                    l.data ->> 'fallback_reason') as why,
           l.kind <> 'step_failed' or coalesce((
               select n.kind <> 'step_failed' from switchboard.ledger n
               where n.case_id = l.case_id and n.place > l.place and n.step = l.data ->> 'goto'
                 and n.kind <> 'attempt_failed'
               order by n.place limit 1), true) as ended
    from switchboard.ledger l join switchboard.cases c using (case_id)
    where l.data ? 'rung';
comment on view switchboard.rung_entries is
    'Every failure, which rung of the ladder it entered (retry, fallback, person, dead_letter) and why.';
create view switchboard.rungs as
    select rung, count(*) as entered, count(*) filter (where ended) as ended,
           round(100.0 * count(*) filter (where ended)
                 / nullif(sum(count(*) filter (where ended)) over (), 0), 1) as percent
    from switchboard.rung_entries
    group by rung
    order by array_position(array['retry', 'fallback', 'person', 'dead_letter'], rung);
comment on view switchboard.rungs is 'How failures ended: so many entered each rung, so many ended there.';

-- Crashes without progress: a case that kills whoever drives it must not do so for ever.

alter table switchboard.case_owner
    add column died boolean not null default false,
    add column crashes integer not null default 0,
    add column stands text;
comment on column switchboard.case_owner.died is 'The owner before the present one did not give the case back.';
comment on column switchboard.case_owner.crashes is 'So many owners died on the checkpoint that stands names.';
