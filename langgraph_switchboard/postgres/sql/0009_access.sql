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
