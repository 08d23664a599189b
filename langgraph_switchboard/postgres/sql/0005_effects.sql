-- What steps have done to the world, each key of a case once.

create table switchboard.effects (
    case_id   text not null,
    key       text not null,
    step      text not null,
    digest    text not null,
    status    text not null check (status in ('intent', 'done')),
    result    jsonb,
    began_at  timestamptz not null default clock_timestamp(),
    ended_at  timestamptz,
    settled_by text,
    primary key (case_id, key)
);
comment on table switchboard.effects is
    'intent: somebody set out to do it and nobody knows yet whether it happened; done: it happened, once.';
create index effects_in_doubt on switchboard.effects (began_at) where status = 'intent';
