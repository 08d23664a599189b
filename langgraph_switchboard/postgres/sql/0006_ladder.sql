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
