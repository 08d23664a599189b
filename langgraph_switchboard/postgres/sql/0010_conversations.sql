-- Conversations: what was said in a case, message by message, and the summaries that agents see of it.

create table switchboard.messages (
    case_id   text not null,
    key       text not null,
    role      text not null check (role in ('customer', 'us', 'agent', 'summary')),
    text      text not null,
    step      text not null,
    said_at   timestamptz not null,
    ordinal   integer not null,
    covers    integer not null default 0,
    primary key (case_id, key)
);
comment on table switchboard.messages is
    'The whole conversation of each case, in the order of (said_at, ordinal); a summary covers the messages before it.';
comment on column switchboard.messages.covers is
    'Of a summary: how many messages it stands for, from the first; 0 for any other message.';
