-- Who may do what: keys and sessions. Only digests of secrets are kept: who reads these tables can
-- use none of them.

create table switchboard.api_keys (
    key_id        text primary key,
    name          text not null,
    roles         text[] not null,
    scope         jsonb not null default '{}',
    digest        bytea not null,
    created_at    timestamptz not null,
    created_by    text not null,
    expires_at    timestamptz,
    revoked_at    timestamptz,
    last_used_at  timestamptz
);
comment on table switchboard.api_keys is 'Keys of people and programs; name is who acts with it.';

create table switchboard.sessions (
    session_id    text primary key,
    digest        bytea not null,
    name          text not null,
    roles         text[] not null,
    scope         jsonb not null default '{}',
    key_id        text references switchboard.api_keys,
    browser       bytea not null,
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    ended_at      timestamptz
);
comment on table switchboard.sessions is
    'Who is signed in; browser is a digest of what the browser said of itself, so that a cookie taken to '
    'another one is of no use. A session ends with the key that it was opened by.';
create index sessions_by_key on switchboard.sessions (key_id);

-- Who follows the ledger is woken when something was added. Without a follower nothing is sent: every
-- notification takes a lock of the whole server while its transaction commits.

create table switchboard.listeners (
    listener  text primary key,
    until     timestamptz not null
);
comment on table switchboard.listeners is 'Processes that want to be woken by the channel switchboard_ledger.';

create function switchboard.wake_listeners() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (select from switchboard.listeners where until > clock_timestamp()) then
        perform pg_notify('switchboard_ledger', '');
    end if;
    return null;
end $$;
create trigger ledger_wakes after insert on switchboard.ledger
    for each statement execute function switchboard.wake_listeners();

-- Who else is told of what happens: addresses, and what is on its way to each.

create table switchboard.subscriptions (
    subscription_id  text primary key,
    url              text not null,
    secret           text not null,
    kinds            text[],
    flows            text[],
    created_at       timestamptz not null,
    created_by       text not null,
    xid              xid8 not null,
    place            bigint not null,
    stopped_at       timestamptz,
    stopped_why      text
);
comment on table switchboard.subscriptions is
    'Addresses that events are sent to; (xid, place) is the last entry of the ledger that was looked at. The '
    'secret signs what is sent, so it is kept as it is.';

create table switchboard.deliveries (
    subscription_id  text not null references switchboard.subscriptions on delete cascade,
    event_id         text not null,
    body             text not null,
    attempts         integer not null default 0,
    next_at          timestamptz not null,
    delivered_at     timestamptz,
    given_up_at      timestamptz,
    said             text,
    primary key (subscription_id, event_id)
);
comment on table switchboard.deliveries is 'One event on its way to one address, at least once.';
create index deliveries_due on switchboard.deliveries (next_at)
    where delivered_at is null and given_up_at is null;
