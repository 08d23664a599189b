-- The tables of Larkcover that the claims desk reads, and the payments that it books.
-- Running this file again changes nothing.

create schema if not exists larkcover;

create table if not exists larkcover.policies (
    number       text primary key,
    line         text not null check (line in ('motor', 'home', 'travel', 'life')),
    holder       text not null,
    beneficiary  text,                                -- who is paid in case of death
    status       text not null check (status in ('active', 'lapsed', 'cancelled')),
    begins       date not null,
    ends         date not null check (ends >= begins),
    sum_insured  numeric(12, 2) not null check (sum_insured > 0),
    deductible   numeric(12, 2) not null default 0 check (deductible >= 0),
    currency     text not null
);

-- What a policy insures against; no row, no cover.
create table if not exists larkcover.covers (
    policy      text not null references larkcover.policies,
    peril       text not null,
    most        numeric(12, 2),                       -- null: only the sum insured bounds it
    primary key (policy, peril)
);

-- What the terms exclude. Words alone never refuse a claim: they make a person look.
create table if not exists larkcover.exclusions (
    code   text primary key,
    line   text not null,
    words  text not null,                             -- a regular expression over the claim's words
    says   text not null
);

create table if not exists larkcover.earlier_claims (
    id         text primary key,
    policy     text not null references larkcover.policies,
    peril      text not null,
    loss_date  date not null,
    paid       numeric(12, 2) not null default 0
);

-- What this desk has paid. One case is paid once.
create table if not exists larkcover.payments (
    id         text primary key,
    case_id    text not null unique,
    claim      text not null,
    policy     text,
    peril      text not null,
    loss_date  date,
    payee      text not null,
    amount     numeric(12, 2) not null check (amount > 0),
    currency   text not null,
    booked_at  timestamptz not null default now()
);

create index if not exists earlier_claims_of on larkcover.earlier_claims (policy, loss_date desc);
create index if not exists payments_of on larkcover.payments (policy, loss_date desc);
