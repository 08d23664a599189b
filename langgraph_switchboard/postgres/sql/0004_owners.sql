-- Who drives a case. A narrow table of its own: the writer's statement locks it, and nobody's
-- effect must ever hold it.

create table switchboard.case_owner (
    case_id      text primary key,
    epoch        bigint not null,
    run          text not null,
    process      bigint not null,
    lease_until  timestamptz not null
);
comment on table switchboard.case_owner is
    'The present owner of each case. Rows of an earlier epoch are refused; process is the advisory lock '
    'that a living owner process holds.';
